-- The directory: which accounts and keys there are. Balances, limits and revocations live in the accounts' own
-- objects and are never decided here.
CREATE TABLE accounts (
  id TEXT PRIMARY KEY,
  username TEXT NOT NULL UNIQUE,
  plan TEXT NOT NULL,
  active INTEGER NOT NULL,
  note TEXT NOT NULL,
  created_at INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE keys (
  id TEXT PRIMARY KEY,
  account TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX keys_account ON keys (account);

-- What an operator changes at run time.
CREATE TABLE settings (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
) WITHOUT ROWID;

-- Prices in micro-dollars for a million tokens. A row is never changed: charges name the row that made them.
CREATE TABLE prices (
  id INTEGER PRIMARY KEY,
  model TEXT NOT NULL,
  input INTEGER NOT NULL,
  cached_input INTEGER,
  output INTEGER NOT NULL,
  reasoning INTEGER,
  per_call INTEGER NOT NULL,
  input_billing TEXT NOT NULL CHECK (input_billing IN ('new_context', 'all')),
  created_at INTEGER NOT NULL
);
CREATE INDEX prices_model ON prices (model, id);

-- $5 for a million input tokens, $30 for a million output tokens.
INSERT INTO prices (model, input, output, per_call, input_billing, created_at) VALUES
  ('gpt-5.5', 5000000, 30000000, 0, 'new_context', 0),
  ('gpt-6.1-sol', 5000000, 30000000, 0, 'new_context', 0);

-- Sums, sent by the accounts' objects; absolute, so that sending them twice changes nothing.
CREATE TABLE usage_hourly (
  account TEXT NOT NULL,
  hour INTEGER NOT NULL,
  model TEXT NOT NULL,
  route TEXT NOT NULL,
  requests INTEGER NOT NULL,
  input INTEGER NOT NULL,
  output INTEGER NOT NULL,
  charged INTEGER NOT NULL,
  PRIMARY KEY (account, hour, model, route)
) WITHOUT ROWID;
CREATE INDEX usage_hour ON usage_hourly (hour);

-- What operators did.
CREATE TABLE audit (
  id INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  actor TEXT NOT NULL,
  act TEXT NOT NULL,
  detail TEXT NOT NULL
);
