# With labels that do not count: loss and gradient whatever micro_batches is, an evaluation's loss whatever batch is.
from common import *
x = rng.normal(size=(10, 8, 8)).astype('f4')
y = rng.integers(0, 3, (10, 8, 8), dtype='u1'); y[:5] = 0; y[0, 0, 0] = 1; y[3, 1, 1] = 2   # class 0 is ignored
write('x.h5', x=x, y=y)
deck(classes=3, loss='{name: softmax_cross_entropy, ignore_index: 0}', more='  precision: f64\n')
got = {}
for k in (1, 2, 4):
    run('run', 'd.yaml', f'train.micro_batches={k}', '--dump', 'o.h5')
    got[k] = float(read('o.h5', 'loss').ravel()[0]), read('o.h5', 'gradients/conv1.weight').ravel()
    print('    micro_batches', k, 'loss', got[k][0], 'gradient', got[k][1])
w, b = read('o.h5', 'parameters/conv1.weight').ravel(), read('o.h5', 'parameters/conv1.bias').ravel()
z = x[..., None].astype('f8') * w + b
ce = np.log(np.exp(z).sum(-1)) - np.take_along_axis(z, y[..., None].astype(int), -1)[..., 0]
m = y != 0
p = np.exp(z); p /= p.sum(-1, keepdims=True)
g = ((p - np.eye(3)[y]) * x[..., None] * m[..., None])[:4].sum((0, 1, 2)) / m[:4].sum()
loss = ce[:4][m[:4]].mean()
print('numpy, batch of the first 4: loss', loss, 'gradient', g)
expect('loss and gradient are those of NumPy', all(abs(l - loss) < 1e-12 and np.linalg.norm(d - g) < 1e-7 * np.linalg.norm(g) for l, d in got.values()))
for k in (1, 2, 4, 5, 10):
    run('run', 'd.yaml', f'name=b{k}', f'train.batch={k}', 'data.eval={file: x.h5}', 'train.optimizer.lr=0')
    evaluated = float(open(f'runs/b{k}/metrics.csv').read().splitlines()[-1].split(',')[3])
    print('    batch', k, 'evaluation', evaluated)
    expect(f'batch {k}: evaluation', abs(evaluated - ce[m].mean()) < 1e-7)
print('numpy, mean over all that counts:', ce[m].mean())
done()
