-- Mail addresses that people say are theirs. Of all who claim one, only one account can have shown that it is, and
-- that is decided here.
CREATE TABLE emails (
  email TEXT NOT NULL,
  account TEXT NOT NULL,
  -- Everybody who claims an address has the same one: so one computation checks a password against all of them.
  salt TEXT NOT NULL,
  claimed_at INTEGER NOT NULL,
  verified_at INTEGER,
  PRIMARY KEY (email, account)
) WITHOUT ROWID;
CREATE UNIQUE INDEX emails_verified ON emails (email) WHERE verified_at IS NOT NULL;
CREATE INDEX emails_account ON emails (account);

-- Who people are at Google: each of them has one account here, and each account one of them.
CREATE TABLE google_people (
  sub TEXT PRIMARY KEY,
  account TEXT NOT NULL UNIQUE,
  linked_at INTEGER NOT NULL
) WITHOUT ROWID;

-- Who signed up, for the operator's lists. Where a sign-up stands is decided by the account's object.
CREATE TABLE signups (
  account TEXT PRIMARY KEY,
  username TEXT NOT NULL,
  name TEXT,
  email TEXT,
  country TEXT,
  phone TEXT,
  standing TEXT NOT NULL CHECK (standing IN ('pending', 'approved', 'rejected')),
  created_at INTEGER NOT NULL,
  judged_at INTEGER
) WITHOUT ROWID;
CREATE INDEX signups_standing ON signups (standing, account);
