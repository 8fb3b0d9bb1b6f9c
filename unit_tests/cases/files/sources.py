# A conversion does not replace the files in which the datasets of its source lie.
import h5py
import numpy as np
from common import *

raw = np.arange(64, dtype='u1')
write('raw.bin', raw.tobytes())
with h5py.File('part.h5', 'w') as f:
    f['x'] = raw.reshape(4, 16)
with h5py.File('all.h5', 'w') as f:
    layout = h5py.VirtualLayout(shape=(4, 16), dtype='u1')
    layout[:] = h5py.VirtualSource('part.h5', 'x', shape=(4, 16))
    f.create_virtual_dataset('virtual', layout)
with h5py.File('linked.h5', 'w') as f:
    f['link'] = h5py.ExternalLink('part.h5', 'x')
with h5py.File('raw.h5', 'w') as f:
    f.create_dataset('raw', (64,), 'u1', external=[('raw.bin', 0, 64)])
os.symlink('part.h5', 'soft.h5')
os.mkdir('below')
for source, output in (('all.h5', 'part.h5'), ('all.h5', 'soft.h5'), ('linked.h5', 'part.h5'), ('raw.h5', 'raw.bin'),
                       ('all.h5', 'below/../part.h5'), ('all.h5', 'all.h5')):
    expect_refused('convert hdf5 %s -o %s' % (source, output), 6, aureole('convert', 'hdf5', source, '-o', output), output, 'is read')
    code, _, error = aureole('convert', 'hdf5', source, '-o', 'copy.h5')
    expect('convert hdf5 %s -o copy.h5' % source, code == 0, error)
with h5py.File('part.h5') as f:
    expect('the sources are whole', (f['x'][...].ravel() == raw).all())
done()
