-- Orders of a marketplace, each delivered once. A row is written before anything else happens and holds all that was
-- drawn for it, so that the same order sent again goes on where it was, and is delivered as the first time.
CREATE TABLE orders (
  number TEXT PRIMARY KEY,
  -- Also the order of a list: newer accounts have greater ids.
  account TEXT NOT NULL UNIQUE,
  username TEXT NOT NULL,
  -- Micro-dollars.
  credit INTEGER NOT NULL,
  note TEXT NOT NULL,
  key TEXT NOT NULL,
  -- The texts of the key and the password, sealed for this order.
  secrets TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  completed_at INTEGER
) WITHOUT ROWID;
