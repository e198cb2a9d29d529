-- Whose turn it is: the queued orders of an operator by agent, the oldest of each first.
CREATE INDEX orders_queued_by_agent ON orders (operator, agent, id) WHERE state = 'QUEUED';
