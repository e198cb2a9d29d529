-- What agents are told, where an operator says it otherwise than the program does. The newest
-- text only: who changed it and when stands beside it and in the log.

CREATE TABLE wording (
    key         TEXT NOT NULL CHECK (length(key) BETWEEN 1 AND 60),
    language    TEXT NOT NULL CHECK (language IN ('id', 'en')),
    template    TEXT NOT NULL CHECK (length(template) BETWEEN 1 AND 480),
    parts       INTEGER NOT NULL CHECK (parts BETWEEN 1 AND 3),  -- of SMS, at most
    changed_at  INTEGER NOT NULL,
    who         TEXT NOT NULL,
    PRIMARY KEY (key, language)
) STRICT;
