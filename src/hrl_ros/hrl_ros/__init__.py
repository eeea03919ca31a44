"""What every node shares: topic names, QoS, message conversion, parameters, the lifecycle base."""
