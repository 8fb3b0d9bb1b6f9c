# `aureole check --data` finds what was planted into each sample, and nothing in clean data.
from common import *


def plain(n, dtype='f4', shape=(8, 8)):
    x = rng.normal(100, 20, (n, *shape)).astype(dtype)
    y = rng.integers(0, 2, (n, *shape), dtype='u1')
    return x, y


def report(*a, code=0, words=()):
    return run('check', 'd.yaml', '--data', *a, code=code, words=words)


def says(text, what, *words):
    """One line of the text holds all words."""
    expect(what, any(all(w in line for w in words) for line in text.splitlines()))


x, y = plain(20)
clean = x.copy(), y.copy()
write('x.h5', x=x, y=y)
xe, ye = plain(8)
write('e.h5', x=xe, y=ye)
evaluation = '  eval: {file: e.h5}\n  normalize'
deck(norm='dataset')
with open('d.yaml') as f:
    text = f.read().replace('  normalize', evaluation)
with open('d.yaml', 'w') as f:
    f.write(text)
text = report(words=['data.train: 20 samples, 1 file', 'data.eval: 8 samples', '(8, 8, 1) f32', '(8, 8, 1) u8',
                     'no image is in both', 'nothing that training refuses, 0 warnings'])
says(text, 'labels are counted', ' 0 ', str((y == 0).sum()))
says(text, 'statistics are measured', '%.6g' % x.min(), '%.6g' % x.max(), '%.6g' % x.astype('f8').mean(), '%.6g' % x.astype('f8').std())
run('check', 'd.yaml', '--data', '--no-data', code=2)

# what training refuses
x[3, 1, 2], x[3, 4, 4], x[5, 0, 0] = np.nan, np.nan, np.inf
y[7, 2, 3], y[8, 0, 1], y[8, 0, 2] = 7, 9, 9
write('x.h5', x=x, y=y)
text = report(code=2, words=['2 faults that training refuses'])
says(text, 'NaN and infinity', '2 samples (3 values', 'NaN', 'nan at (d, h, w, c) = (0, 1, 2, 0) of sample 3', 'x.h5', 'inf', 'sample 5')
says(text, 'labels outside', '2 samples (3 values', 'outside the classes 0 to 1', 'sample 7', "'y' of 'x.h5'", 'sample 8')
says(text, 'their values', '7 (1 time)', '9 (2 times)')
run('run', 'd.yaml', code=6)
text = report('data.ignore_label=9', code=2)
says(text, 'the ignored share', 'ignored (label 9): 2', '0.16%')
says(text, 'other labels', '1 sample (1 value', 'outside the classes')

# what training takes
x, y = clean[0].copy(), clean[1].copy()
x[4] = 3.5
x[9], y[9] = x[2], y[2]
x[11], y[11] = x[2], 1 - y[2]
write('x.h5', x=x, y=y)
xe[6] = x[1]
write('e.h5', x=xe.astype('f8'), y=ye)
text = report(words=['nothing that training refuses, 3 warnings'])
says(text, 'constant images', '1 constant image', 'sample 4')
says(text, 'copies', '2 images equal', '1 of them with other labels', 'sample 9', '= 2', 'sample 11')
says(text, 'leakage, whatever the type', 'data.eval has 1 image that', 'sample 6', "'x' of 'e.h5'", 'sample 1 ')
y[:] = 0
write('x.h5', x=x, y=y)
says(report(), 'a class without labels', 'warning', 'no label is of class 1')
text = report('data.ignore_label=0')
says(text, 'samples in which nothing counts', 'all labels of 20 samples are ignored')

# normalisation
write('x.h5', x=clean[0], y=clean[1])
text = report('data.normalize={kind: given, factor: 1/255, mean: 0.4, deviation: 0.08}')
says(text, 'figures in use', '%.6g' % (clean[0].astype('f8') / 255).mean(), '0.4', '0.08')
expect('figures that fit', 'once normalised' not in text)
text = report('data.normalize={kind: given, mean: 0.4, deviation: 0.08}')
says(text, 'figures that do not match', 'warning', 'channel 0', 'once normalised')
run('check', 'd.yaml', '--data', 'data.normalize={kind: given, mean: [0.4, 0.1], deviation: 1}', code=2, words=['mean'])
os.makedirs('runs/t', exist_ok=True)
with open('runs/t/statistics.txt', 'w') as f:
    f.write('# aureole statistics 1\npixels 5\nchannel mean deviation minimum maximum\n0 99 20 0 1\n')
says(report(), 'statistics of an earlier run', 'warning', 'saved statistics are of other data')
os.remove('runs/t/statistics.txt')
wide = clean[0].astype('f8')
wide[2, 0, 0] = 1e300
write('x.h5', x=wide, y=clean[1])
says(report('data.normalize=none', code=2), 'values that f32 does not hold', 'refused', '1e+300')

# what was never written, and fill values
with h5py.File('x.h5', 'w') as f:
    d = f.create_dataset('x', (20, 8, 8), 'f4', chunks=(4, 8, 8))
    d[:16] = clean[0][:16]
    f['y'] = clean[1]
    f['y'].attrs['_FillValue'] = np.uint8(1)
text = report(code=2)
says(text, 'chunks that were never written', 'refused', '1 of its 5 chunks are missing', "'x' of 'x.h5'")
says(text, 'fill values', 'refused', 'fill values', 'among the labels')
text = report('data.train.fill=keep')
says(text, 'chunks that are let pass', 'warning', 'data.train.fill', '1 of its 5 chunks are missing')

# virtual sources that are gone: the one set cannot be opened, the other is read all the same
layout = h5py.VirtualLayout((20, 8, 8), 'f4')
layout[:] = h5py.VirtualSource('gone.h5', 'x', (20, 8, 8))
with h5py.File('x.h5', 'w') as f:
    f.create_virtual_dataset('x', layout)
    f['y'] = clean[1]
text = report(code=2, words=['data.eval: 8 samples'])
says(text, 'a virtual source that is gone', 'refused', 'gone.h5', 'missing')

# one file per sample, one of which is damaged; bad values in a damaged run are counted once
for i in range(6):
    write(f's{i}.h5', x=clean[0][i], y=clean[1][i])
write('s3.h5', x=clean[0][3, :4], y=clean[1][3])
bad = clean[0][1].copy()
bad[0, 0] = np.nan
write('s1.h5', x=bad, y=clean[1][1])
text = report('data.train.file=s*.h5', code=2, words=['data.train: 6 samples, 6 files'])
says(text, 'a sample that cannot be read', '1 sample cannot be read', 's3.h5')
says(text, 'the others are', '1 sample (1 value', 's1.h5')

# samples that are read in slabs
x, y = plain(3, 'u2', (1100, 1100))
x[1], y[2, 1099, 1099] = 7, 5
write('x.h5', x=x, y=y)
text = report('image.size=[1100, 1100]', 'data.eval=null', code=2)
says(text, 'in slabs: constant', '1 constant image', 'sample 1')
says(text, 'in slabs: labels', '(0, 1099, 1099, 0) of sample 2')
says(text, 'in slabs: statistics', '%.6g' % x.astype('f8').mean(), '%.6g' % x.astype('f8').std())

# targets of a loss over probabilities
y = np.where(clean[1], np.float32(1), np.float32(0.25))
write('x.h5', x=clean[0], y=y)
binary = ('train.loss=bce_with_logits', 'model.layers.0.conv.filters=1', 'data.eval=null')
says(report(*binary), 'targets', '0 0.00%', 'between')
y[0, 0, 0] = 1.5
write('x.h5', x=clean[0], y=y)
says(report(*binary, code=2), 'targets outside', '1 sample (1 value', 'targets outside 0 to 1')
deck(file='x.h5', more='')
run('check', 'd.yaml', '--data', 'data.train={kind: synthetic, samples: 5}', words=['5 samples, synthetic'])
done()
