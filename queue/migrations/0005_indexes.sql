-- A file of years answers as quickly as an empty one. Each index here and in the scripts before
-- stands below with the question that it answers; one that answers none only costs every insert.
-- Partial ones (WHERE) hold few rows however many orders are finished, so a statement that is to
-- use one repeats its condition word for word.

-- --- orders -------------------------------------------------------------------------------

-- orders_client_reference: promise, one order a reference for ever; was this one accepted before?
-- orders_expiry: which of those that wait are too old?
-- orders_under_way: is an equal order being sent, or undecided?
-- orders_agent: an agent's newest orders.
-- orders_serial_number: which order carries this serial number?

-- Whose turn it is: the waiting orders of an operator by agent, the oldest of each first.
DROP INDEX orders_queued;
CREATE INDEX orders_queued_by_agent ON orders (operator, agent, id) WHERE state = 'QUEUED';

-- Every reader of this one named a single state, or has an index of its own above.
DROP INDEX orders_open;

-- Promise: one live order a natural key; and all orders to a number that did not come to
-- nothing: which serial numbers are spent, was an equal one done? Hence the number comes first.
DROP INDEX orders_natural_key;
CREATE UNIQUE INDEX orders_natural_key
    ON orders (destination, product, agent, local_day, repeat_index)
    WHERE state NOT IN ('FAILED', 'CANCELLED');
-- The other orders to a number: a late text may have said done of one of them.
CREATE INDEX orders_to_nothing ON orders (destination) WHERE state IN ('FAILED', 'CANCELLED');
-- The newest orders of a state that is rare, of everybody and of one agent. The newest successes
-- need none: most orders are successes.
CREATE INDEX orders_rare ON orders (state) WHERE state IN ('FAILED', 'CANCELLED', 'REVERSED');
CREATE INDEX orders_rare_of_agent ON orders (agent, state)
    WHERE state IN ('FAILED', 'CANCELLED', 'REVERSED');

-- How many orders are finished, by state: counted as they finish, since counting them anew
-- reads them all. The audit does.
CREATE TABLE finished_orders (
    state   TEXT PRIMARY KEY CHECK (state IN ('SUCCEEDED', 'FAILED', 'CANCELLED', 'REVERSED')),
    number  INTEGER NOT NULL CHECK (number >= 0)
) STRICT, WITHOUT ROWID;
INSERT INTO finished_orders (state, number)
    SELECT s.value, (SELECT count(*) FROM orders WHERE state = s.value)
    FROM json_each('["SUCCEEDED", "FAILED", "CANCELLED", "REVERSED"]') AS s;
CREATE TRIGGER orders_are_counted AFTER UPDATE OF state ON orders
    WHEN NEW.finished_at IS NOT NULL OR OLD.finished_at IS NOT NULL
    BEGIN UPDATE finished_orders SET number = number + (state = NEW.state) - (state = OLD.state)
        WHERE state IN (NEW.state, OLD.state); END;
CREATE TRIGGER orders_are_counted_when_made AFTER INSERT ON orders
    WHEN NEW.finished_at IS NOT NULL
    BEGIN UPDATE finished_orders SET number = number + 1 WHERE state = NEW.state; END;

-- --- attempts -----------------------------------------------------------------------------

-- UNIQUE (order_id, number): the attempts of an order.
-- attempt_one_open_a_chip, attempt_one_open_an_order: promises; the open one of a chip; all that
--     are open, at start.
-- attempt_chip_time: what a chip carried in the last hour and today, its newest attempts, those
--     since its stock was last exact.
-- exchange_attempt, evidence_attempt, transition_order: the story of an order.
-- evidence.sms_id UNIQUE: promise, a text proves one thing once.
-- evidence_acknowledged: deliveries against a refund that the operator may take back.

-- What a chip carried is all its attempts less these.
CREATE INDEX attempt_not_done ON attempt (chip, claimed_at) WHERE outcome = 'NOT_DONE';

-- The newest times that an order was undecided, newest first: by state, and so by id.
DROP INDEX transition_unknown;
CREATE INDEX transition_unknown ON transition (state) WHERE state = 'UNKNOWN';
-- By how much the clock was set while one was; and by how much back since an attempt.
CREATE INDEX clock_step_transition ON clock_step (last_transition, step);
CREATE INDEX clock_step_back ON clock_step (last_attempt, step) WHERE step < 0;

-- --- texts, stock, messages ---------------------------------------------------------------

-- sms UNIQUE (chip, fingerprint): has this text been read before?
-- sms_contradiction: late proofs that nobody has looked at; few.
-- Has a chip been sent the same text lately?
CREATE INDEX sms_chip_time ON sms (chip, received_at);

-- stock_reading_chip: a chip's newest readings, by id, since the clock may be set back.
-- What was read of a chip while an attempt was open.
CREATE INDEX stock_reading_time ON stock_reading (chip, at);

-- message UNIQUE (order_id, state): promise, one message a final state; the messages of an order.
-- message_waiting: what an agent was not told yet.
-- discrepancy_chip: the discrepancies of a chip.
-- discrepancy_order PRIMARY KEY, discrepancy_clearing_of: the span of one, and its clearings.
-- discrepancy_decided_once: promise, one decision of a person.
-- transfer_id UNIQUE, in both: promise, a row a transfer; the audit looks a transfer's row up.

-- --- the ledger's -------------------------------------------------------------------------

-- account PRIMARY KEY: a balance. account UNIQUE (code, asset): what a transfer's accounts refer to.
-- transfer.id UNIQUE: promise, a repeat is harmless; a hold by its id.
-- transfer_resolves_hold_once, transfer_reversed_once: promises; how a hold ended, what was
--     given back.
-- transfer_by_reference: all transfers of an order.
-- transfer_by_debit, transfer_by_credit: an account's statement, newest first.
