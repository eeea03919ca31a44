"""Become another program to which the kernel sends a signal when its parent dies.

The supervisor runs it as a file with PARENT SIGNAL PROGRAM ARGUMENTS: a small program between fork and exec, since
Python code between the two is not safe in a process that has threads.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Lead a process group, ask for the signal, make sure that the parent still lives, and turn into the program."""
    os.setpgid(0, 0)
    # A shell that starts its jobs in the background ignores SIGINT, and children inherit that.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    parent, number, program, *arguments = sys.argv[1:]
    if not os.path.basename(os.path.dirname(program)).startswith("hrl_"):
        # The supervisor starts everything with SIGINT blocked; nodes of this stack take it once they can end in order.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(number), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != int(parent):
        sys.exit("the launcher has died")
    os.execv(program, [program, *arguments])


if __name__ == "__main__":
    main()
