# A virtual dataset one of whose source files is gone, and datasets that were never written to their end: errors.
from common import *

for i in range(2):
    write(f'part{i}.h5', x=rng.integers(1, 200, (2, 8, 8), dtype='u1'), y=rng.integers(0, 2, (2, 8, 8), dtype='u1'))
with h5py.File('all.h5', 'w', libver='latest') as f:
    for k in 'xy':
        layout = h5py.VirtualLayout((4, 8, 8), 'u1')
        for i in range(2):
            layout[2 * i:2 * i + 2] = h5py.VirtualSource(f'part{i}.h5', k, shape=(2, 8, 8))
        f.create_virtual_dataset(k, layout)
deck(file='all.h5')
run('run', 'd.yaml', '--dump', 'o.h5')
whole = np.concatenate([read(f'part{i}.h5', 'x') for i in range(2)])
expect('all samples arrive', np.array_equal(read('o.h5', 'input').reshape(4, 8, 8), whole))
os.rename('part1.h5', 'elsewhere.h5')
run('check', 'd.yaml', code=6, words=['all.h5', 'part1.h5'])
run('run', 'd.yaml', code=6, words=['all.h5', 'part1.h5'])
run('convert', 'hdf5', 'all.h5', '-o', 'copy.h5', code=6, words=['all.h5', 'part1.h5'])
expect('no copy is left', not os.path.exists('copy.h5'))
write('part1.h5', y=np.zeros((2, 8, 8), 'u1'))
run('run', 'd.yaml', code=6, words=['all.h5', 'part1.h5', "source dataset 'x'"])

for libver in ('earliest', 'latest'):
    for chunks, options in (((1, 8, 8), {}), ((1, 8, 8), dict(compression=1)), ((1, 4, 8), {})):
        with h5py.File('half.h5', 'w', libver=libver) as f:
            f.create_dataset('x', (4, 8, 8), 'u1', chunks=chunks, **options)[:2] = 7
            f['y'] = np.zeros((4, 8, 8), 'u1')
        missing = 2 * 8 // chunks[1]
        run('run', 'd.yaml', 'data.train.file=half.h5', code=6, words=['half.h5', f'{missing} of its {2 * missing} chunks'])
run('run', 'd.yaml', 'data.train.file=half.h5', 'data.train.fill=keep')
with h5py.File('never.h5', 'w') as f:
    f.create_dataset('x', (4, 8, 8), 'f4')
    f['y'] = np.zeros((4, 8, 8), 'u1')
run('run', 'd.yaml', 'data.train.file=never.h5', code=6, words=['never.h5', 'never written'])
done()
