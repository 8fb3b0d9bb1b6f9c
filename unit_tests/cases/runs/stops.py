# Signals, the stop file, the wall time and the end of a batch job: the step is finished, its state saved, exit code 5, and
# what goes on later ends as if nothing had happened.
import filecmp
import shutil

from common import *

TILES = 'parallel.spatial.tiles=[1,2]'


def rows(path='out/metrics.csv'):
    with open(path) as file:
        return [line.split(',')[:5] for line in file]


for name in ('SIGTERM', 'SIGINT', 'SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGXCPU'):
    process = start('run', 'deck.yaml', 'train.resume=never')
    wait_for('step 20/', process)
    process.send_signal(getattr(signal, name))
    code, got = end_of(process), status()
    expect(name, code == 5 and got.get('state') == 'stopped' and got.get('reason') == name and got.get('exit_code') == '5',
           'exit code %s, status %s' % (code, got))
    expect('whether to go on after ' + name, got.get('run_again') == ('false' if name == 'SIGINT' else 'true'), got)
    newest = max(os.listdir('out/checkpoints')) if os.path.isdir('out/checkpoints') else 'none'
    expect('the state after ' + name, newest == 'step_%010d.h5' % int(got.get('step', -1)), newest)
    shutil.rmtree('out')

# a second SIGINT does not wait for the step
process = start('run', 'deck.yaml', 'image.size=[512,512]', 'train.batch=16', 'train.log_every=1', 'train.eval_every=0')
wait_for('step 1/', process)
process.send_signal(signal.SIGINT)
process.send_signal(signal.SIGINT)
code = end_of(process)
expect('a second SIGINT', code in (-signal.SIGINT, 5), code)
shutil.rmtree('out')

# what is ignored at the start stays so, as under nohup
process = subprocess.Popen(['nohup', A, 'run', 'deck.yaml', 'train.steps=200'], stdout=open('said.txt', 'w'), stderr=subprocess.STDOUT)
wait_for('step 20/', process)
process.send_signal(signal.SIGHUP)
expect('SIGHUP under nohup', end_of(process) == 0, said()[-300:])
expect('the status of a finished run', status().get('state') == 'finished' and status().get('step') == '200', status())
shutil.move('out', 'whole')

# a chain of stops, one of them within an evaluation, leaves the log and the weights of a run that was let alone
for _ in range(6):
    process = start('run', 'deck.yaml', 'train.steps=200')
    try:
        wait_for('accuracy', process, 20)
    except AssertionError:
        break
    process.send_signal(signal.SIGUSR1)
    end_of(process)
process = start('run', 'deck.yaml', 'train.steps=200')
expect('the end of the chain', end_of(process) == 0, said()[-300:])
expect('the log of the chain', rows() == rows('whole/metrics.csv'), rows()[-5:])
try:
    import h5py
except ImportError:
    h5py = None
if h5py:
    with h5py.File('out/final.h5') as a, h5py.File('whole/final.h5') as b:
        names = []
        a.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) and name.startswith('parameters') else None)
        expect('the weights of the chain', bool(names) and all((a[name][()] == b[name][()]).all() for name in names))
shutil.rmtree('out')

# an evaluation is given up, and made at the next start
process = start('run', 'deck.yaml', 'train.steps=50', 'data.eval.samples=400000', 'train.log_every=50')
wait_for('step 50/', process)
time.sleep(0.3)
process.send_signal(signal.SIGTERM)
expect('a stop within an evaluation', end_of(process) == 5 and 'before its evaluation' in said(), said()[-300:])
process = start('run', 'deck.yaml', 'train.steps=50', 'data.eval.samples=40', 'train.log_every=50')
expect('its evaluation later', end_of(process) == 0 and rows()[-1][0] == 'eval' and len(rows()) == 3, said()[-300:] + str(rows()))
shutil.rmtree('out')

# a file
process = start('run', 'deck.yaml', TILES, ranks=2)
wait_for('step 20/', process)
open('out/stop', 'w').close()
code, got = end_of(process), status()
expect('the stop file', code == 5 and 'out/stop' in got.get('reason', '') and got['run_again'] == 'false' and not os.path.exists('out/stop'),
       'exit code %s, status %s' % (code, got))

# the wall time counts from the start of the process; the job of a batch system ends when it says
process = start('run', 'deck.yaml', 'train.wall_time=3 s', 'train.resume=never')
begin = time.time()
code, got = end_of(process), status()
expect('the wall time', code == 5 and got.get('reason') == 'train.wall_time' and time.time() - begin < 3.5, 'exit code %s, %s' % (code, got))
process = start('run', 'deck.yaml', TILES, 'train.resume=never', ranks=2, SLURM_JOB_END_TIME=str(int(time.time()) + 5))
code, got = end_of(process), status()
expect('the end of a job', code == 5 and 'batch job' in got.get('reason', '') and got['run_again'] == 'true', 'exit code %s, %s' % (code, got))
process = start('run', 'deck.yaml', 'train.resume=never', SLURM_JOB_END_TIME=str(int(time.time()) - 5))
code, got = end_of(process), status()
expect('too little time for a step', code == 2 and 'no time for one step' in said() and got.get('run_again') == 'false',
       'exit code %s, %s' % (code, said()[-300:]))

# USR1, which a launcher hands on
process = start('run', 'deck.yaml', TILES, 'train.resume=never', ranks=2)
wait_for('step 20/', process)
process.send_signal(signal.SIGUSR1)
code, got = end_of(process), status()
expect('SIGUSR1 to the launcher', code == 5 and got.get('reason') == 'SIGUSR1', 'exit code %s, %s' % (code, got))

# a failure is told by the status too
process = start('run', 'deck.yaml', 'train.optimizer.lr=1e30', 'train.resume=never')
code, got = end_of(process), status()
expect('a run that diverges', code == 4 and got.get('state') == 'failed' and got.get('exit_code') == '4' and 'lr' in got.get('reason', ''),
       'exit code %s, %s' % (code, got))
done()
