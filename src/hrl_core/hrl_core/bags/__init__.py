"""Recordings in the standard rosbag2 layout, written and read without ROS."""
