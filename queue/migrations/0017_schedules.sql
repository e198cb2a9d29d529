-- How each scheduled job stands: after a stop over night what was missed is run once, and what
-- had run is not run again. One row a job, the newest run only; the log has the others.

CREATE TABLE job_standing (
    name      TEXT NOT NULL PRIMARY KEY CHECK (length(name) BETWEEN 1 AND 40),
    began_at  INTEGER NOT NULL CHECK (began_at >= 0),
    ended_at  INTEGER NOT NULL CHECK (ended_at >= 0),  -- below began_at if the clock was set
    outcome   TEXT NOT NULL CHECK (outcome IN ('ok', 'failed')),
    said      TEXT NOT NULL CHECK (length(said) <= 1000),
    done_at   INTEGER CHECK (done_at >= 0),  -- when the last run began that did not fail
    failures  INTEGER NOT NULL CHECK (failures >= 0),  -- in a row
    CHECK ((outcome = 'failed') = (failures > 0)),
    CHECK (outcome = 'failed' OR done_at IS began_at)
) STRICT, WITHOUT ROWID;

-- Until when a card is valid (masa aktif), as a person read it; the newest word only.
CREATE TABLE chip_expiry (
    chip        TEXT NOT NULL PRIMARY KEY REFERENCES chip (iccid),
    expires_on  TEXT NOT NULL CHECK (expires_on GLOB '[0-9][0-9][0-9][0-9]-[0-1][0-9]-[0-3][0-9]'),
    noted_at    INTEGER NOT NULL CHECK (noted_at >= 0),
    who         TEXT NOT NULL CHECK (length(who) BETWEEN 1 AND 100)
) STRICT, WITHOUT ROWID;
