-- Closed matters may leave the journal for an archive, and the books still prove themselves.
--
-- What leaves is added up per account and archive in `brought_forward`, by the very trigger
-- that lets the row go: an account's cached sums are always what was brought forward and what
-- stands in the journal, together. A row goes only if a copy of it, read from the archive, lies
-- in `transfer_copy` and is equal in every column. The copies go with their rows, and none may
-- be left at COMMIT; so nothing stands open between two transactions, and a stray DELETE finds
-- no copy and is refused as it always was.

-- Never has a row. What refers to it, deferred, cannot outlive its transaction.
CREATE TABLE never (id INTEGER PRIMARY KEY) STRICT;
CREATE TRIGGER never_has_a_row BEFORE INSERT ON never
BEGIN
    SELECT RAISE(ABORT, 'no row is ever here');
END;

CREATE TABLE transfer_copy (
    sequence  INTEGER PRIMARY KEY,
    archive   TEXT    NOT NULL CHECK (archive GLOB '[0-9][0-9][0-9][0-9]-[0-1][0-9]'),
    id        TEXT    NOT NULL,
    phase     TEXT    NOT NULL,
    hold_id   TEXT,
    reverses  TEXT,
    debit     TEXT    NOT NULL,
    credit    TEXT    NOT NULL,
    asset     TEXT    NOT NULL,
    amount    INTEGER NOT NULL,
    reference TEXT    NOT NULL,
    memo      TEXT    NOT NULL,
    at        INTEGER NOT NULL,
    gone      INTEGER NOT NULL DEFAULT 1 REFERENCES never (id) DEFERRABLE INITIALLY DEFERRED
) STRICT;

-- What left an account for an archive, added up, and where in the journal it stood. What was
-- held has ended before it may leave, so the two sums of holds are 0 at every commit.
CREATE TABLE brought_forward (
    account         TEXT    NOT NULL REFERENCES account (code),
    archive         TEXT    NOT NULL,
    debits_posted   INTEGER NOT NULL,
    debits_held     INTEGER NOT NULL,
    credits_posted  INTEGER NOT NULL,
    credits_held    INTEGER NOT NULL,
    first_sequence  INTEGER NOT NULL,
    last_sequence   INTEGER NOT NULL,
    PRIMARY KEY (account, archive)
) STRICT, WITHOUT ROWID;
-- Empty at every commit: asked at the end of each closing whether a hold left without its end.
CREATE INDEX brought_forward_held ON brought_forward (account)
    WHERE debits_held <> 0 OR credits_held <> 0;

-- How many rows left for an archive, and the sum of their numbers: no other row is missing.
CREATE TABLE closed_rows (
    archive    TEXT    NOT NULL PRIMARY KEY,
    rows       INTEGER NOT NULL CHECK (rows > 0),
    sequences  INTEGER NOT NULL CHECK (sequences > 0)
) STRICT, WITHOUT ROWID;

DROP TRIGGER transfer_is_never_deleted;
CREATE TRIGGER transfer_is_deleted_only_when_copied BEFORE DELETE ON transfer
WHEN NOT EXISTS (
    SELECT 1 FROM transfer_copy AS copy
    WHERE copy.sequence = OLD.sequence AND copy.id = OLD.id AND copy.phase = OLD.phase
      AND copy.hold_id IS OLD.hold_id AND copy.reverses IS OLD.reverses
      AND copy.debit = OLD.debit AND copy.credit = OLD.credit AND copy.asset = OLD.asset
      AND copy.amount = OLD.amount AND copy.reference = OLD.reference
      AND copy.memo = OLD.memo AND copy.at = OLD.at)
BEGIN
    SELECT RAISE(ABORT, 'transfers are never deleted: book a reversal');
END;

-- A post, a void or a reversal does not leave what it is about behind: that would look open.
CREATE TRIGGER transfer_leaves_with_its_cause BEFORE DELETE ON transfer
WHEN EXISTS (
    SELECT 1 FROM transfer AS cause WHERE cause.id IN (OLD.hold_id, OLD.reverses)
      AND cause.sequence NOT IN (SELECT sequence FROM transfer_copy))
BEGIN
    SELECT RAISE(ABORT, 'a transfer leaves together with what it ends or reverses');
END;

CREATE TRIGGER transfer_is_brought_forward AFTER DELETE ON transfer
BEGIN
    INSERT INTO brought_forward
        SELECT leg.account, copy.archive,
            OLD.amount * (leg.is_debit AND OLD.phase IN ('posted', 'post')),
            OLD.amount * leg.is_debit * ((OLD.phase = 'held') - (OLD.phase IN ('post', 'void'))),
            OLD.amount * (NOT leg.is_debit AND OLD.phase IN ('posted', 'post')),
            OLD.amount * (NOT leg.is_debit)
                * ((OLD.phase = 'held') - (OLD.phase IN ('post', 'void'))),
            OLD.sequence, OLD.sequence
        FROM (SELECT OLD.debit AS account, 1 AS is_debit UNION ALL SELECT OLD.credit, 0) AS leg,
            transfer_copy AS copy
        WHERE copy.sequence = OLD.sequence
        ON CONFLICT (account, archive) DO UPDATE SET
            debits_posted = debits_posted + excluded.debits_posted,
            debits_held = debits_held + excluded.debits_held,
            credits_posted = credits_posted + excluded.credits_posted,
            credits_held = credits_held + excluded.credits_held,
            first_sequence = min(first_sequence, excluded.first_sequence),
            last_sequence = max(last_sequence, excluded.last_sequence);
    INSERT INTO closed_rows
        SELECT archive, 1, sequence FROM transfer_copy WHERE sequence = OLD.sequence
        ON CONFLICT (archive) DO UPDATE SET
            rows = rows + 1, sequences = sequences + excluded.sequences;
    DELETE FROM transfer_copy WHERE sequence = OLD.sequence;
END;

CREATE TRIGGER transfer_copy_goes_with_its_row BEFORE DELETE ON transfer_copy
WHEN EXISTS (SELECT 1 FROM transfer WHERE sequence = OLD.sequence)
BEGIN
    SELECT RAISE(ABORT, 'a copy goes with its transfer');
END;

CREATE TRIGGER transfer_copy_leaves_nothing_held AFTER DELETE ON transfer_copy
WHEN NOT EXISTS (SELECT 1 FROM transfer_copy) AND EXISTS (
    SELECT 1 FROM brought_forward WHERE debits_held <> 0 OR credits_held <> 0)
BEGIN
    SELECT RAISE(ABORT, 'what is held leaves together with its end');
END;

-- These change only while a row with a copy is on its way out.
CREATE TRIGGER brought_forward_follows_rows_in BEFORE INSERT ON brought_forward
WHEN NOT EXISTS (SELECT 1 FROM transfer_copy)
BEGIN
    SELECT RAISE(ABORT, 'only what leaves the journal is brought forward');
END;
CREATE TRIGGER brought_forward_follows_rows BEFORE UPDATE ON brought_forward
WHEN NOT EXISTS (SELECT 1 FROM transfer_copy)
BEGIN
    SELECT RAISE(ABORT, 'only what leaves the journal is brought forward');
END;
CREATE TRIGGER brought_forward_is_never_deleted BEFORE DELETE ON brought_forward
BEGIN
    SELECT RAISE(ABORT, 'what was brought forward is never deleted');
END;
CREATE TRIGGER closed_rows_follow_rows_in BEFORE INSERT ON closed_rows
WHEN NOT EXISTS (SELECT 1 FROM transfer_copy)
BEGIN
    SELECT RAISE(ABORT, 'only what leaves the journal is counted');
END;
CREATE TRIGGER closed_rows_follow_rows BEFORE UPDATE ON closed_rows
WHEN NOT EXISTS (SELECT 1 FROM transfer_copy)
BEGIN
    SELECT RAISE(ABORT, 'only what leaves the journal is counted');
END;
CREATE TRIGGER closed_rows_are_never_deleted BEFORE DELETE ON closed_rows
BEGIN
    SELECT RAISE(ABORT, 'what left the journal is never forgotten');
END;
