"""Stages that take a fresh clone to a built workspace; standard library only."""
