-- The books of a day, laid side by side: how far that has come. `day` counts days since the epoch.
CREATE TABLE reconciliation_runs (
  day INTEGER PRIMARY KEY,
  phase TEXT NOT NULL,
  -- After which thing of the phase it goes on.
  cursor TEXT,
  looked INTEGER NOT NULL,
  started_at INTEGER NOT NULL,
  finished_at INTEGER
);

-- Where books differ: for a person to look at. A row goes on for as long as the difference is seen, and stays when it
-- is not any more.
CREATE TABLE reconciliation_differences (
  id INTEGER PRIMARY KEY,
  reason TEXT NOT NULL,
  account TEXT NOT NULL,
  -- A payment at Stripe, or an hour with its model and route.
  subject TEXT NOT NULL,
  expected INTEGER NOT NULL,
  found INTEGER NOT NULL,
  detail TEXT NOT NULL,
  -- When it was first and last seen, and when it was first looked for and not there.
  found_at INTEGER NOT NULL,
  seen_at INTEGER NOT NULL,
  resolved_at INTEGER
);
CREATE UNIQUE INDEX reconciliation_open ON reconciliation_differences (account, subject, reason)
  WHERE resolved_at IS NULL;
