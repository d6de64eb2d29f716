-- Whose customer at Stripe is whose account here: what Stripe says of a customer finds the account.
CREATE TABLE stripe_customers (
  customer TEXT PRIMARY KEY,
  account TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX stripe_customers_account ON stripe_customers (account);
