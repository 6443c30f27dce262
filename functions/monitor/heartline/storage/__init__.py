"""States, outboxes and history in DynamoDB."""
