-- Payments that were wished: whose each is, and when it is looked at next though nobody said anything. What became of
-- it is decided by its account's object; here is what finds it.
CREATE TABLE payments (
  id TEXT PRIMARY KEY,
  account TEXT NOT NULL,
  -- At Stripe, once they are known.
  session TEXT UNIQUE,
  intent TEXT UNIQUE,
  state TEXT NOT NULL,
  -- Why a person has to look at it.
  problem TEXT,
  created_at INTEGER NOT NULL,
  -- How often it was looked at in this state, and when it is again; never where that is null.
  looks INTEGER NOT NULL DEFAULT 0,
  -- How often in a row that failed.
  faults INTEGER NOT NULL DEFAULT 0,
  due_at INTEGER
) WITHOUT ROWID;
CREATE INDEX payments_due ON payments (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX payments_problem ON payments (id) WHERE problem IS NOT NULL;

-- What webhooks brought. A row is there before Stripe is told that we have it; `body` goes, and `outcome` comes, once
-- it was acted on.
CREATE TABLE stripe_events (
  id TEXT PRIMARY KEY,
  type TEXT NOT NULL,
  api_version TEXT,
  heard_at INTEGER NOT NULL,
  body TEXT,
  outcome TEXT,
  tries INTEGER NOT NULL DEFAULT 0,
  due_at INTEGER
) WITHOUT ROWID;
CREATE INDEX stripe_events_due ON stripe_events (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX stripe_events_heard ON stripe_events (heard_at);
