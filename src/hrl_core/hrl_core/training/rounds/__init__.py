"""Training by rounds: collectors live episodes by a policy that stays as it is, while the learner learns from the last.

A round is some blocks of episodes, known by their numbers. What becomes of a block depends on these numbers and on the
policy, and on nothing else: who collects it, and where, is of no account.
"""
