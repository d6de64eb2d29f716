-- When to read a subscription at Stripe again, or a checkout in which one may begin, though no event has come. What they
-- give is the accounts' objects' to say; this is only whom to ask about, and when.
CREATE TABLE subscriptions (
  id TEXT PRIMARY KEY,
  account TEXT NOT NULL,
  check_at INTEGER
) WITHOUT ROWID;
CREATE INDEX subscriptions_due ON subscriptions (check_at) WHERE check_at IS NOT NULL;
