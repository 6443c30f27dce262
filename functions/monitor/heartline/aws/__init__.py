"""AWS's side: clients, metrics, the queue, and why a call was refused."""
