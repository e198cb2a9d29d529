-- The books: accounts with cached balances, and the journal of transfers.
--
-- The journal is the truth. The four sums on an account are a cache that one trigger
-- keeps, so that no statement can move money and forget a balance; the CHECKs on those
-- sums refuse the transfer that would overdraw. Rows of the journal are never edited:
-- a hold is resolved by a further row, a mistake is undone by a further row.

CREATE TABLE account (
    code          TEXT    NOT NULL PRIMARY KEY,
    asset         TEXT    NOT NULL CHECK (length(asset) BETWEEN 1 AND 32),
    type          TEXT    NOT NULL CHECK (type IN (
                      'asset', 'liability', 'equity', 'income', 'expense', 'suspense', 'trading')),
    -- A limited liability never owes less than nothing, a limited asset never holds less.
    limited       INTEGER NOT NULL DEFAULT 0 CHECK (limited IN (0, 1)),
    debits_posted  INTEGER NOT NULL DEFAULT 0 CHECK (debits_posted >= 0),
    credits_posted INTEGER NOT NULL DEFAULT 0 CHECK (credits_posted >= 0),
    debits_held    INTEGER NOT NULL DEFAULT 0 CHECK (debits_held >= 0),
    credits_held   INTEGER NOT NULL DEFAULT 0 CHECK (credits_held >= 0),
    opened_at     INTEGER NOT NULL CHECK (opened_at >= 0),
    UNIQUE (code, asset),
    CONSTRAINT type_is_first_segment CHECK (substr(code, 1, length(type) + 1) = type || ':'),
    CONSTRAINT limit_needs_asset_or_liability CHECK (
        limited = 0 OR type IN ('asset', 'liability')),
    CONSTRAINT liability_within_limit CHECK (
        limited = 0 OR type <> 'liability' OR debits_posted + debits_held <= credits_posted),
    CONSTRAINT asset_within_limit CHECK (
        limited = 0 OR type <> 'asset' OR credits_posted + credits_held <= debits_posted),
    -- Written as differences, which cannot overflow where a sum could.
    CONSTRAINT debits_fit CHECK (debits_held <= 9223372036854775807 - debits_posted),
    CONSTRAINT credits_fit CHECK (credits_held <= 9223372036854775807 - credits_posted)
) STRICT, WITHOUT ROWID;

CREATE TABLE transfer (
    sequence  INTEGER PRIMARY KEY AUTOINCREMENT,
    id        TEXT    NOT NULL UNIQUE CHECK (length(id) BETWEEN 1 AND 205),
    -- posted: moved at once; held: set aside; post, void: how a hold ended.
    phase     TEXT    NOT NULL CHECK (phase IN ('posted', 'held', 'post', 'void')),
    hold_id   TEXT    REFERENCES transfer (id),
    reverses  TEXT    REFERENCES transfer (id),
    debit     TEXT    NOT NULL,
    credit    TEXT    NOT NULL,
    asset     TEXT    NOT NULL,
    amount    INTEGER NOT NULL CHECK (amount > 0),
    reference TEXT    NOT NULL,
    memo      TEXT    NOT NULL,
    at        INTEGER NOT NULL CHECK (at >= 0),
    FOREIGN KEY (debit, asset) REFERENCES account (code, asset),
    FOREIGN KEY (credit, asset) REFERENCES account (code, asset),
    CONSTRAINT two_accounts CHECK (debit <> credit),
    CONSTRAINT only_a_resolution_has_a_hold CHECK ((hold_id IS NULL) = (phase IN ('posted', 'held'))),
    CONSTRAINT resolution_id_is_derived CHECK (hold_id IS NULL OR id = hold_id || ':' || phase),
    CONSTRAINT reversal_is_posted CHECK (reverses IS NULL OR phase = 'posted')
) STRICT;

CREATE UNIQUE INDEX transfer_resolves_hold_once ON transfer (hold_id) WHERE hold_id IS NOT NULL;
CREATE UNIQUE INDEX transfer_reversed_once ON transfer (reverses) WHERE reverses IS NOT NULL;
CREATE INDEX transfer_by_reference ON transfer (reference, sequence) WHERE reference <> '';
CREATE INDEX transfer_by_debit ON transfer (debit, sequence);
CREATE INDEX transfer_by_credit ON transfer (credit, sequence);

CREATE TRIGGER transfer_repeats_its_hold BEFORE INSERT ON transfer
WHEN NEW.hold_id IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM transfer AS hold
    WHERE hold.id = NEW.hold_id AND hold.phase = 'held' AND hold.debit = NEW.debit
      AND hold.credit = NEW.credit AND hold.asset = NEW.asset AND hold.amount = NEW.amount)
BEGIN
    SELECT RAISE(ABORT, 'a post or a void repeats accounts, asset and amount of its hold');
END;

CREATE TRIGGER transfer_mirrors_what_it_reverses BEFORE INSERT ON transfer
WHEN NEW.reverses IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM transfer AS mistake
    WHERE mistake.id = NEW.reverses AND mistake.phase IN ('posted', 'post')
      AND mistake.debit = NEW.credit AND mistake.credit = NEW.debit
      AND mistake.asset = NEW.asset AND mistake.amount = NEW.amount)
BEGIN
    SELECT RAISE(ABORT, 'a reversal moves the same amount back between the same accounts');
END;

CREATE TRIGGER transfer_moves_balances AFTER INSERT ON transfer
BEGIN
    UPDATE account SET
        debits_posted = debits_posted + NEW.amount * (NEW.phase IN ('posted', 'post')),
        debits_held = debits_held
            + NEW.amount * ((NEW.phase = 'held') - (NEW.phase IN ('post', 'void')))
    WHERE code = NEW.debit;
    UPDATE account SET
        credits_posted = credits_posted + NEW.amount * (NEW.phase IN ('posted', 'post')),
        credits_held = credits_held
            + NEW.amount * ((NEW.phase = 'held') - (NEW.phase IN ('post', 'void')))
    WHERE code = NEW.credit;
END;

CREATE TRIGGER transfer_is_never_edited BEFORE UPDATE ON transfer
BEGIN
    SELECT RAISE(ABORT, 'transfers are never edited: book a reversal');
END;

CREATE TRIGGER transfer_is_never_deleted BEFORE DELETE ON transfer
BEGIN
    SELECT RAISE(ABORT, 'transfers are never deleted: book a reversal');
END;

CREATE TRIGGER account_keeps_its_name BEFORE UPDATE OF code, asset, type ON account
BEGIN
    SELECT RAISE(ABORT, 'an account keeps its code, asset and type: open another one');
END;

CREATE TRIGGER account_is_never_deleted BEFORE DELETE ON account
BEGIN
    SELECT RAISE(ABORT, 'accounts are never deleted');
END;
