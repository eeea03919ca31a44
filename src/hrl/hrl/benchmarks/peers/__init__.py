"""TD3 as others make it, on the same work: what ``hrl bench update --peers`` holds ours against."""
