"""Benchmark environments; importing this package registers their Gymnasium ids."""

import gymnasium

TASKS = {
    "AntMaze": ("ant_maze", 500),
    "AntPush": ("ant_push", 500),
    "AntFall": ("ant_fall", 500),
    "AntGather": ("ant_gather", 500),
    "AntFourRooms": ("ant_four_rooms", 700),
    "PointMaze": ("point_maze", 500),
    "PointField": ("point_field", 50),
    "MountainCar": ("mountain_car", 300),
    "MountainCarSparse": ("mountain_car_sparse", 200),
    "CartPoleSwingUp": ("cart_pole_swing_up", 200),
    "HillCar": ("hill_car", 300),
    "ReacherArm": ("reacher_arm", 300),
    "GridWorld": ("grid_world", 50),
    "FourRooms": ("four_rooms", 1000),
    "FourRoomsPlanning": ("four_rooms", 1000),
    "FourRoomsMulti": ("four_rooms", 100),
    "FourRoomsPoint": ("four_rooms_point", 150),
    "MovementBandits": ("movement_bandits", 50),
    "AntTwoWalks": ("ant_two_walks", 200),
    "AntField": ("ant_field", 200),
    "AntObstacleCourse": ("ant_obstacle_course", 500),
    "HumanoidWalkCrawl": ("humanoid_walk_crawl", 500),
    "HumanoidCourse": ("humanoid_walk_crawl", 1000),
    "PushPoint": ("push_point", 200),
    "LaneDrive": ("lane_drive", 400),
    "TMaze": ("t_maze", 26),
    "NonMatch": ("non_match", 22),
    "WaterMaze": ("water_maze", 100),
    "KeyDoor": ("key_door", 60),
    "Kitchen": ("kitchen", 280),
}
"""Environment name -> module and steps of an episode; the id is ``hrl/NAME-v0``."""
_ARGUMENTS = {
    "FourRoomsPlanning": {"version": "planning"},
    "FourRoomsMulti": {"version": "multi"},
    "HumanoidCourse": {"course": True},
}
"""What an environment is made with by default."""

for _name, (_module, _steps) in TASKS.items():
    gymnasium.register(
        id=f"hrl/{_name}-v0",
        entry_point=f"hrl_core.envs.{_module}:make_{_module}",
        max_episode_steps=_steps,
        kwargs=_ARGUMENTS.get(_name, {}),
    )
