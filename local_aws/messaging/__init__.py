"""What moves between the services by itself: events, notifications, the batches of queues, schedules.

Not as in AWS, and refused by name where it is asked for:
- S3 notifies EventBridge alone, and topics deliver to queues alone. Rules deliver to queues and functions of
  this account and region, the event or a constant Input, and know rate() alone.
- A mapping feeds a function from a queue, unfiltered and without a batching window.
- A message move task takes no rate. It is done when the call that starts it answers: there is none to cancel.
- Archives, replays, connections, API destinations, pipes and the scheduler are not there.
"""
