"""Resume: hears of SageMaker that an invocation has ended, and answers the states that wait for it."""
