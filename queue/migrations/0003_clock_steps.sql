-- Steps of the clock: when the time of day was set, and by how much. Rows up to
-- `last_transition`, `last_attempt` and `last_sms` bear times of the clock as it was before;
-- deadlines were moved along.

CREATE TABLE clock_step (
    id               INTEGER PRIMARY KEY AUTOINCREMENT,
    at               INTEGER NOT NULL,                       -- by the clock as it is after the step
    step             INTEGER NOT NULL,                       -- milliseconds; negative: set back;
                                                             -- 0: a stop in which it may have been set
    last_transition  INTEGER NOT NULL,
    last_attempt     INTEGER NOT NULL,
    last_sms         INTEGER NOT NULL
) STRICT;

CREATE TRIGGER clock_step_no_update BEFORE UPDATE ON clock_step
    BEGIN SELECT RAISE(ABORT, 'clock_step is append-only'); END;
CREATE TRIGGER clock_step_no_delete BEFORE DELETE ON clock_step
    BEGIN SELECT RAISE(ABORT, 'clock_step is append-only'); END;

-- When the service centre took a text, by its clock: it tells whether ours agrees.
ALTER TABLE sms ADD COLUMN sent_at INTEGER;
