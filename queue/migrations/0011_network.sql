-- The network of agents: who is above whom, price levels, mark-ups, and what uplines earn.
-- An agent without an upline buys from us. A circle of uplines would have no price: it is refused
-- here as well, whoever writes it.

ALTER TABLE agent ADD COLUMN upline TEXT REFERENCES agent (code) CHECK (upline <> code);
ALTER TABLE agent ADD COLUMN level TEXT NOT NULL DEFAULT '' CHECK (length(level) <= 32);
ALTER TABLE agent ADD COLUMN language TEXT NOT NULL DEFAULT 'id'
    CHECK (language = 'id' OR language = 'en');
ALTER TABLE agent ADD COLUMN town TEXT NOT NULL DEFAULT '';
ALTER TABLE agent ADD COLUMN number TEXT NOT NULL DEFAULT '';      -- as registered, E.164 digits
ALTER TABLE agent ADD COLUMN stopped_by TEXT NOT NULL DEFAULT '';  -- the upline's code; '': an admin

-- The agents right below one, and on from there.
CREATE INDEX agent_upline ON agent (upline) WHERE upline IS NOT NULL;

CREATE TRIGGER agent_is_not_above_itself BEFORE UPDATE OF upline ON agent
WHEN NEW.upline IS NOT NULL AND NEW.code IN (
    WITH RECURSIVE above (code) AS (SELECT NEW.upline
        UNION SELECT a.upline FROM above JOIN agent AS a ON a.code = above.code
            WHERE a.upline IS NOT NULL)
    SELECT code FROM above)
    BEGIN SELECT RAISE(ABORT, 'an agent cannot be above itself'); END;

-- Whether what remains of the price to us may be below the cost: an admin's word.
ALTER TABLE product ADD COLUMN below_cost INTEGER NOT NULL DEFAULT 0
    CHECK (below_cost = 0 OR below_cost = 1);

-- Whose number a product is sold to: a telephone's, or (tokens of electricity) a meter's.
ALTER TABLE product ADD COLUMN kind TEXT NOT NULL DEFAULT 'airtime'
    CHECK (kind = 'airtime' OR kind = 'meter');

-- What a product costs the agents of a level; the others pay the product's own price.
CREATE TABLE level_price (
    level    TEXT NOT NULL CHECK (length(level) BETWEEN 1 AND 32),
    product  TEXT NOT NULL REFERENCES product (code),
    price    INTEGER NOT NULL CHECK (price > 0),
    PRIMARY KEY (level, product)
) STRICT, WITHOUT ROWID;

-- What an upline adds to the price: for all below it, for those below one of its downlines (NULL:
-- any), for one product (NULL: any).
CREATE TABLE markup (
    id        INTEGER PRIMARY KEY,
    upline    TEXT NOT NULL REFERENCES agent (code),
    downline  TEXT REFERENCES agent (code) CHECK (downline <> upline),
    product   TEXT REFERENCES product (code),
    amount    INTEGER NOT NULL CHECK (amount BETWEEN 0 AND 1000000000)
) STRICT;
-- One of a kind, found in one look: asked for each upline with every order.
CREATE UNIQUE INDEX markup_for ON markup (upline, coalesce(downline, ''), coalesce(product, ''));

-- What each upline earns of an order, written with the order and never changed: later prices,
-- levels, mark-ups and moves do not touch it. It is booked when the order succeeds. When the
-- order is archived these rows end: its transfers, which go with it, say the same.
CREATE TABLE order_commission (
    order_id  INTEGER NOT NULL REFERENCES orders (id),
    upline    TEXT NOT NULL REFERENCES agent (code),
    amount    INTEGER NOT NULL CHECK (amount > 0),
    PRIMARY KEY (order_id, upline)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER order_commission_no_update BEFORE UPDATE ON order_commission
    BEGIN SELECT RAISE(ABORT, 'order_commission is append-only'); END;
CREATE TRIGGER order_commission_no_delete BEFORE DELETE ON order_commission
WHEN NOT EXISTS (SELECT 1 FROM past_order WHERE id = OLD.order_id)
    BEGIN SELECT RAISE(ABORT, 'order_commission is append-only'); END;

-- An order may go to a meter: 'm' and its digits, so that it is never taken for a telephone. No row
-- is touched, and what was allowed stays so; this is the way to change a CHECK that SQLite's
-- documentation of ALTER TABLE gives.
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(sql,
    'CHECK (destination GLOB ''62[0-9]*'')',
    'CHECK (destination GLOB ''62[0-9]*'' OR destination GLOB ''m[0-9]*'')')
    WHERE type = 'table' AND name = 'orders';
PRAGMA writable_schema = RESET;
