-- What technicians call the slots, and what they did to a modem that is dangerous.
-- A slot is its place (USB path, or configured port); its name is for people.

CREATE TABLE slot_name (
    slot  TEXT PRIMARY KEY,
    name  TEXT NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 32)
) STRICT;

CREATE TABLE technician_act (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    at       INTEGER NOT NULL,
    slot     TEXT NOT NULL,
    chip     TEXT,                 -- ICCID, if one was read
    act      TEXT NOT NULL,        -- secrets masked
    who      TEXT NOT NULL,
    because  TEXT NOT NULL CHECK (because <> '')
) STRICT;

CREATE TRIGGER technician_act_no_update BEFORE UPDATE ON technician_act
    BEGIN SELECT RAISE(ABORT, 'technician_act is append-only'); END;
CREATE TRIGGER technician_act_no_delete BEFORE DELETE ON technician_act
    BEGIN SELECT RAISE(ABORT, 'technician_act is append-only'); END;
