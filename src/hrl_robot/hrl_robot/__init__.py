"""Bridge to a ros2_control robot, its supervisor, and a fake robot to test them with."""
