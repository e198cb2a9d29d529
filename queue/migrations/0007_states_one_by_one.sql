-- SQLite lays a list of more than two values out as a table of its own, each time it looks into
-- it. An order's state is looked at with every move, by CHECKs, by the conditions of partial
-- indexes and by a trigger, and that took half of the move. So values are compared one by one,
-- the commonest first. The rules stay the same.

DROP INDEX orders_rare;
DROP INDEX orders_rare_of_agent;
DROP TRIGGER orders_are_counted;

PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(replace(sql,
    'CHECK (state IN
        (''QUEUED'', ''SENDING'', ''UNKNOWN'', ''SUCCEEDED'', ''FAILED'', ''CANCELLED'', ''REVERSED''))',
    'CHECK (
        state = ''QUEUED'' OR state = ''SENDING'' OR state = ''SUCCEEDED'' OR state = ''FAILED''
        OR state = ''UNKNOWN'' OR state = ''CANCELLED'' OR state = ''REVERSED'')'),
    'CHECK ((finished_at IS NULL) = (state IN (''QUEUED'', ''SENDING'', ''UNKNOWN'')))',
    'CHECK ((finished_at IS NULL)
        = (state = ''QUEUED'' OR state = ''SENDING'' OR state = ''UNKNOWN''))')
    WHERE type = 'table' AND name = 'orders';
UPDATE sqlite_schema SET sql = replace(replace(replace(sql,
    'kind IN
        (''reply'', ''late_sms'', ''stock'', ''history'', ''admin'', ''recovery'')',
    'kind = ''reply'' OR kind = ''late_sms'' OR kind = ''stock'' OR kind = ''history''
        OR kind = ''admin'' OR kind = ''recovery'''),
    'verdict IN (''DONE'', ''NOT_DONE'', ''NONE'')',
    'verdict = ''DONE'' OR verdict = ''NOT_DONE'' OR verdict = ''NONE'''),
    'rule IN (
    ''unrecorded'', ''reply_in_dialogue'', ''not_sent'', ''never_committed'',
    ''text_names_order'', ''text_awaited'', ''repeat_refused'',
    ''stock_fell_by_cost'', ''stock_unchanged_twice'',
    ''stock_unchanged_so_far'', ''stock_not_known_before'', ''stock_fits_neither'',
    ''newest_history_line'', ''history_says_nothing'', ''history_against_stock'',
    ''admin'', ''contradiction_settled'', ''acknowledged'', ''reversed'')',
    'rule = ''reply_in_dialogue''
    OR rule = ''text_names_order'' OR rule = ''text_awaited'' OR rule = ''repeat_refused''
    OR rule = ''not_sent'' OR rule = ''never_committed'' OR rule = ''stock_fell_by_cost''
    OR rule = ''stock_unchanged_twice'' OR rule = ''stock_unchanged_so_far''
    OR rule = ''stock_not_known_before'' OR rule = ''stock_fits_neither''
    OR rule = ''newest_history_line'' OR rule = ''history_says_nothing''
    OR rule = ''history_against_stock'' OR rule = ''admin'' OR rule = ''contradiction_settled''
    OR rule = ''acknowledged'' OR rule = ''reversed'' OR rule = ''unrecorded''')
    WHERE type = 'table' AND name = 'evidence';
UPDATE sqlite_schema SET sql = replace(sql,
    'source IN (''query'', ''reply'', ''stock_in'')',
    'source = ''reply'' OR source = ''query'' OR source = ''stock_in''')
    WHERE type = 'table' AND name = 'stock_reading';
UPDATE sqlite_schema SET sql = replace(sql,
    'state IN (''SUCCEEDED'', ''FAILED'', ''CANCELLED'', ''REVERSED'')',
    'state = ''SUCCEEDED'' OR state = ''FAILED'' OR state = ''CANCELLED'' OR state = ''REVERSED''')
    WHERE type = 'table' AND name = 'message';
PRAGMA writable_schema = RESET;

-- The newest orders of a state that is rare, of everybody and of one agent.
CREATE INDEX orders_rare ON orders (state)
    WHERE state = 'FAILED' OR state = 'CANCELLED' OR state = 'REVERSED';
CREATE INDEX orders_rare_of_agent ON orders (agent, state)
    WHERE state = 'FAILED' OR state = 'CANCELLED' OR state = 'REVERSED';

-- An order finishes and is counted; if a success is reversed it counts no more as one.
CREATE TRIGGER orders_are_counted AFTER UPDATE OF state ON orders
    WHEN NEW.finished_at IS NOT NULL AND NEW.state <> OLD.state
    BEGIN UPDATE finished_orders SET number = number + 1 WHERE state = NEW.state; END;
CREATE TRIGGER orders_are_counted_once AFTER UPDATE OF state ON orders
    WHEN OLD.finished_at IS NOT NULL AND NEW.state <> OLD.state
    BEGIN UPDATE finished_orders SET number = number - 1 WHERE state = OLD.state; END;

DROP INDEX attempt_chip_closed;
-- Whose answers may still come: asked with every claim and every success. Nearly all attempts were
-- answered when they were closed, so of those that were not there are few, however many a chip
-- has carried in the last minutes.
CREATE INDEX attempt_unanswered ON attempt (chip, closed_at)
    WHERE answered = 0 AND closed_at IS NOT NULL;
-- Which orders can a discrepancy lie in? Those proved not done since the stock was last exact.
CREATE INDEX attempt_not_done_closed ON attempt (chip, closed_at) WHERE outcome = 'NOT_DONE';
