"""What scripts of these folders share: the program that the environment variable AUREOLE names, run in a scratch folder.

A script ends with `done()`: exit status 0 if all that it expected holds, 1 otherwise.
"""
import os
import sys
import tempfile

A = os.environ.get('AUREOLE', 'aureole')
if '/' in A:
    A = os.path.abspath(A)  # before the change of folder
scratch = tempfile.TemporaryDirectory(prefix='aureole-case-')
os.chdir(scratch.name)
faults = 0


def expect(what, holds, why=''):
    global faults
    print('ok   ' if holds else 'WRONG', what, '' if holds else why, flush=True)
    faults += not holds


def done():
    os.chdir('/')
    scratch.cleanup()
    sys.exit(1 if faults else 0)
