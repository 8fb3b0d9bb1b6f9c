# Records are not complex numbers; wide types are prepared in f64.
from common import *

y = np.zeros((4, 8, 8), 'u1')
pair = np.zeros((4, 8, 8), [('value', 'f4'), ('error', 'f4')])
pair['value'] = rng.normal(size=pair.shape)
write('r.h5', x=pair, y=y)
deck(file='r.h5')
run('run', 'd.yaml', code=6, words=['r.h5', 'value (f32), error (f32)'])
run('run', 'd.yaml', 'data.train.x=x.value', '--dump', 'o.h5')
expect('a field is read', np.array_equal(read('o.h5', 'input').reshape(4, 8, 8), pair['value']))
write('r.h5', x=(rng.normal(size=y.shape) + 1j * rng.normal(size=y.shape)), y=y)
run('run', 'd.yaml')
for kind, base in (('f8', 1e9), ('i8', 10**12), ('u4', 4 * 10**9), ('i4', 2 * 10**9), ('u8', 10**12)):
    x = (base + rng.integers(0, 10, y.shape)).astype(kind)
    write('r.h5', x=x, y=y)
    for norm in ('dataset', 'sample'):
        axes = None if norm == 'dataset' else (1, 2)
        z = x.astype('f8')
        wanted = (z - z.mean(axes, keepdims=True)) / z.std(axes, keepdims=True)
        run('run', 'd.yaml', f'data.normalize={norm}', '--dump', 'o.h5')
        found = read('o.h5', 'input').reshape(4, 8, 8)
        expect(f'{kind}, {norm}: largest error {abs(found - wanted).max():.1e}', abs(found - wanted).max() < 1e-5)
done()
