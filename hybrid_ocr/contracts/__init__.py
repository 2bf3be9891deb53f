"""What the stages say to each other: geometry, messages, events, errors. No stage or engine here."""
