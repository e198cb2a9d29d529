-- Who may do what over the control socket, and what each did. Callers are users of the machine, as
-- the kernel names them. What was done stays for ever: some hundred octets each, and some dozens of
-- rows a day. Secrets in the arguments are masked before they come here.

CREATE TABLE admin (
    uid         INTEGER PRIMARY KEY CHECK (uid > 0),  -- root is admin without a row
    -- As the machine called the uid then: who has it now may be another person.
    login       TEXT NOT NULL UNIQUE CHECK (length(login) BETWEEN 1 AND 100),
    role        TEXT NOT NULL CHECK (role IN ('viewer', 'cashier', 'technician', 'admin')),
    since       INTEGER NOT NULL,
    set_by      TEXT NOT NULL
) STRICT;

CREATE TABLE admin_act (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    at         INTEGER NOT NULL,
    uid        INTEGER NOT NULL CHECK (uid >= 0),
    login      TEXT NOT NULL CHECK (length(login) BETWEEN 1 AND 100),
    role       TEXT NOT NULL CHECK (role IN ('viewer', 'cashier', 'technician', 'admin')),
    call       TEXT NOT NULL CHECK (length(call) BETWEEN 1 AND 100),
    subject    TEXT NOT NULL CHECK (length(subject) <= 100),    -- order, agent, chip, slot, ...
    arguments  TEXT NOT NULL CHECK (length(arguments) <= 4000 AND json_valid(arguments)),
    -- BEGUN: what cannot be one transaction with its record is recorded before; its end is a row
    -- of its own. One without an end was cut off, and nobody knows how far it came.
    outcome    TEXT NOT NULL CHECK (outcome IN ('BEGUN', 'DONE', 'REFUSED', 'FAILED')),
    code       TEXT NOT NULL CHECK (length(code) <= 100),       -- of the refusal
    reason     TEXT NOT NULL CHECK (length(reason) <= 1000),
    begun      INTEGER REFERENCES admin_act (id),               -- the row that this one ends
    seal       TEXT NOT NULL CHECK (length(seal) = 64),         -- SHA-256 of the row and the seal before
    CHECK ((code <> '') = (outcome IN ('REFUSED', 'FAILED'))),
    CHECK (begun IS NULL OR (outcome <> 'BEGUN' AND begun < id))
) STRICT;
-- What has an end, and only one.
CREATE UNIQUE INDEX admin_act_end ON admin_act (begun) WHERE begun IS NOT NULL;
-- What was done since a day: by all, by one, of one kind.
CREATE INDEX admin_act_at ON admin_act (at);
CREATE INDEX admin_act_login ON admin_act (login, at);
CREATE INDEX admin_act_call ON admin_act (call, at);

CREATE TRIGGER admin_act_no_update BEFORE UPDATE ON admin_act
    BEGIN SELECT RAISE(ABORT, 'admin_act is append-only'); END;
CREATE TRIGGER admin_act_no_delete BEFORE DELETE ON admin_act
    BEGIN SELECT RAISE(ABORT, 'admin_act is append-only'); END;

-- What people did before there were such rows has none: where that ends.
CREATE TABLE admin_act_start (
    last_sequence  INTEGER NOT NULL,    -- of the journal
    last_evidence  INTEGER NOT NULL
) STRICT;
INSERT INTO admin_act_start
    SELECT (SELECT coalesce(max(sequence), 0) FROM transfer), (SELECT coalesce(max(id), 0) FROM evidence);
CREATE TRIGGER admin_act_start_no_update BEFORE UPDATE ON admin_act_start
    BEGIN SELECT RAISE(ABORT, 'admin_act_start stays as it is'); END;
CREATE TRIGGER admin_act_start_no_delete BEFORE DELETE ON admin_act_start
    BEGIN SELECT RAISE(ABORT, 'admin_act_start stays as it is'); END;
