# netCDF-4 is HDF5: its fill values and packing count. Keys of label_map are compared in the stored type.
from common import *

x = rng.integers(0, 100, (8, 8, 8)).astype('i2')
absent = x.copy()
absent[0, 0, 0] = -9999
with h5py.File('n.h5', 'w') as f:
    f['x'] = absent
    f['x'].attrs.update(scale_factor=0.01, add_offset=273.0, _FillValue=np.int16(-9999))
    f['y'] = np.zeros((8, 8, 8), 'u1')
deck(file='n.h5', norm='dataset')
run('run', 'd.yaml', code=6, words=['n.h5', '-9999', '_FillValue'])
run('run', 'd.yaml', 'data.train.fill=zero', 'data.normalize=none', 'train.batch=8', '--dump', 'o.h5')
wanted = x * 0.01 + 273.0
wanted[0, 0, 0] = 0
expect('numbers are unpacked, absent ones are 0', np.array_equal(read('o.h5', 'input').reshape(8, 8, 8), wanted.astype('f4')))
with h5py.File('n.h5', 'a') as f:
    del f['x'].attrs['_FillValue']
    f['x'].attrs['missing_value'] = np.array([-9999, -1], 'i2')
run('run', 'd.yaml', code=6, words=['n.h5', '-9999', 'missing_value'])

y = rng.integers(0, 2, (8, 8, 8), dtype='u1')
write('f.h5', x=x, y=np.where(y, np.float32(0.9), np.float32(0.1)))
deck(file='f.h5', batch=8)
run('run', 'd.yaml', 'data.train.label_map={0.1: 0, 0.9: 1}', '--dump', 'o.h5')
expect('keys are compared as f32', np.array_equal(read('o.h5', 'labels').reshape(8, 8, 8), y))
write('f.h5', x=x, y=y)
run('run', 'd.yaml', 'data.train.label_map={0: 0, 1: 0, 1.0: 1}', code=2, words=['1.0', 'equal'])
run('run', 'd.yaml', 'data.train.label_map={0: 0, 1: 1, 256: 1}', code=6, words=['256', 'cannot occur'])
write('f.h5', x=x, y=np.full((8, 8, 8), 2**32 + 1, 'i8'))
run('run', 'd.yaml', code=6, words=['4294967297'])
run('run', 'd.yaml', 'data.train.label_map={4294967297: 1, 9007199254740993: 0}')
run('run', 'd.yaml', 'data.train.label_map={9007199254740992: 1}', code=6, words=['4294967297'])
done()
