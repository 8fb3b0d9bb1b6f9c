# `--local N` starts the ranks itself, hands signals on to them and leaves none behind.
import shutil

from common import *

TILES = 'parallel.spatial.tiles=[1,2]'
process = start('run', 'deck.yaml', TILES, '--local', '2', 'train.steps=60')
expect('a run', end_of(process) == 0 and status().get('state') == 'finished', said()[-500:])
process = start('verify', 'deck.yaml', TILES, '--local=2', '--precision', 'f64')
expect('a comparison', end_of(process) == 0 and 'equal: ' in said(), said()[-500:])
for name, reason in (('SIGTERM', 'SIGUSR1'), ('SIGINT', 'SIGINT'), ('SIGHUP', 'SIGUSR1'), ('SIGUSR1', 'SIGUSR1')):
    process = start('run', 'deck.yaml', TILES, '--local', '2', 'train.resume=never')
    wait_for('step 20/', process)
    process.send_signal(getattr(signal, name))
    code, got = end_of(process), status()
    expect(name, code == 5 and got.get('state') == 'stopped' and got.get('reason') == reason, 'exit code %s, %s' % (code, got))
process = start('run', 'deck.yaml', TILES, '--local', '2', 'train.resume=never', 'image.size=[512,512]', 'train.batch=16', 'train.log_every=1')
wait_for('step 1/', process)
process.send_signal(signal.SIGINT)
time.sleep(0.1)
process.send_signal(signal.SIGINT)
begin = time.time()
expect('a second SIGINT', end_of(process) is not None and time.time() - begin < 10)
process = start('run', 'deck.yaml', TILES, '--local', '2', 'train.resume=never')
wait_for('step 20/', process)
process.kill()
process.wait()
until = time.time() + 10
while ranks_of() and time.time() < until:
    time.sleep(0.1)
expect('no rank outlives it', not ranks_of(), ranks_of())
process = start('run', 'deck.yaml', TILES, '--local', '3')
expect('a number that does not fit', end_of(process) == 2 and 'takes 2 ranks' in said(), said())
process = start('run', 'deck.yaml', TILES, '--local', '2', OMPI_COMM_WORLD_SIZE='2')
expect('two launchers', end_of(process) == 2 and 'leave one of them out' in said(), said())
done()
