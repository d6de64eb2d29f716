-- What lists and charts read when there is much: each query of the Worker finds its rows by an index, or reads sums.

-- Sums of all accounts together, for charts: kept by the database itself in the transaction that changes an account's.
CREATE TABLE usage_totals (
  hour INTEGER NOT NULL,
  route TEXT NOT NULL,
  model TEXT NOT NULL,
  requests INTEGER NOT NULL,
  input INTEGER NOT NULL,
  output INTEGER NOT NULL,
  charged INTEGER NOT NULL,
  PRIMARY KEY (hour, route, model)
) WITHOUT ROWID;
INSERT INTO usage_totals (hour, route, model, requests, input, output, charged)
  SELECT hour, route, model, sum(requests), sum(input), sum(output), sum(charged)
  FROM usage_hourly GROUP BY hour, route, model;

CREATE TRIGGER usage_begun AFTER INSERT ON usage_hourly BEGIN
  INSERT INTO usage_totals (hour, route, model, requests, input, output, charged)
  VALUES (new.hour, new.route, new.model, new.requests, new.input, new.output, new.charged)
  ON CONFLICT (hour, route, model) DO UPDATE SET requests = requests + excluded.requests,
    input = input + excluded.input, output = output + excluded.output, charged = charged + excluded.charged;
END;

-- Sums are absolute: what they grew by is what is added.
CREATE TRIGGER usage_grown AFTER UPDATE ON usage_hourly BEGIN
  UPDATE usage_totals SET requests = requests + new.requests - old.requests, input = input + new.input - old.input,
    output = output + new.output - old.output, charged = charged + new.charged - old.charged
  WHERE hour = new.hour AND route = new.route AND model = new.model;
END;

-- Nobody asks for an hour of all accounts any more.
DROP INDEX usage_hour;

-- The project that was opened last, and the runners that look best.
CREATE INDEX projects_opened ON projects (account, coalesce(opened_at, created_at));
CREATE INDEX runners_best ON runners (online DESC, draining, load) WHERE revoked_at IS NULL;

-- Differences of the books that are there come before those that are not any more.
CREATE INDEX reconciliation_order ON reconciliation_differences (resolved_at IS NOT NULL, id DESC);
