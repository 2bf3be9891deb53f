"""What lies in AWS: objects in S3, tickets in DynamoDB, task tokens of Step Functions, pinned bundles."""
