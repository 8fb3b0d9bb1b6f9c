# Threads follow the cores that a process may use, and are shared with the ranks that may use them too.
import shutil

from common import *

ONE = sorted(os.sched_getaffinity(0))[0]
CORES = len(os.sched_getaffinity(0))
os.environ.pop('OMP_NUM_THREADS', None)


def threads_of(*before, ranks=1, tiles='[1,1]', **environment):
    shutil.rmtree('out', ignore_errors=True)
    launch = LAUNCH + [str(ranks)] if ranks > 1 else []
    done = subprocess.run([*before, *launch, A, 'run', 'deck.yaml', 'train.steps=2', 'train.eval_every=0', 'data.eval=null',
                           'parallel.spatial.tiles=' + tiles], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          env=dict(os.environ, **environment), timeout=60)
    found = re.search('([0-9]+) threads? \\(of ([0-9]+) cores?(?:, which ([0-9]+) ranks share)?', done.stdout)
    return tuple(int(each or 1) for each in found.groups()) if found else done.stdout, 'wait for each other: ' in done.stdout


got = threads_of()
expect('a process of its own', got == ((CORES, CORES, 1), False), got)
got = threads_of('taskset', '-c', str(ONE))
expect('on one core', got == ((1, 1, 1), False), got)
got = threads_of(ranks=2, tiles='[1,2]')
expect('two ranks', got == ((max(1, CORES // 2), CORES, 2), CORES < 2), got)
got = threads_of(ranks=2, tiles='[1,2]', OMP_NUM_THREADS=str(CORES))
expect('two ranks that take too much', got == ((CORES, CORES, 2), True), got)
got = threads_of('taskset', '-c', str(ONE), OMP_NUM_THREADS='3')
expect('as the user says', got == ((3, 1, 1), True), got)
done()
