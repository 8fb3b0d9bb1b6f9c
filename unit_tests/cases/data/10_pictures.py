# convert: orientation of Exif data and TIFF, pages of TIFF in class folders, other endings; headers that promise too much.
from common import *
import struct
try:
    from PIL import Image, ImageOps
except ImportError:
    print('python3-pil is not installed: nothing tried')
    sys.exit(77)


def grey(p, v):
    os.makedirs(os.path.dirname(p), exist_ok=True)
    Image.fromarray(np.full((8, 8), v, 'u1')).save(p)


os.makedirs('m')
shape = np.add.outer(np.arange(32) * 3, np.arange(48) * 2).astype('u1')
for ending in ('jpg', 'tif', 'png'):
    for orientation in range(1, 9):
        e = Image.Exif()
        e[0x0112] = orientation
        os.makedirs(f'{ending}{orientation}')
        name = f'{ending}{orientation}/a.{ending}'
        stored = Image.fromarray(shape)
        if ending == 'tif':
            stored.save(name, tiffinfo={0x0112: orientation})
            wanted = {1: shape, 2: shape[:, ::-1], 3: shape[::-1, ::-1], 4: shape[::-1], 5: shape.T,
                      6: np.rot90(shape, -1), 7: np.rot90(shape, 2).T, 8: np.rot90(shape)}[orientation]
        else:
            stored.save(name, exif=e, **({'quality': 100} if ending == 'jpg' else {}))
            wanted = np.asarray(ImageOps.exif_transpose(Image.open(name)))
        run('convert', 'masks', name, '-o', 'x.h5')
        x = read('x.h5', 'x')[0, ..., 0]
        expect(f'orientation {orientation} of {ending}',
               x.shape == wanted.shape and abs(x.astype(int) - wanted).max() <= 3)

for c in 'ab':
    os.makedirs(f's/{c}')
    Image.fromarray(np.ones((8, 8), 'u1')).save(f's/{c}/stack.tif', save_all=True,
                                                append_images=[Image.fromarray(np.ones((8, 8), 'u1'))] * 2)
run('convert', 'folder', 's', '-o', 's.h5', code=6, words=['stack.tif', '3 pages'])
grey('b/a/1.bmp', 1)
grey('b/a/2.png', 1)
run('convert', 'folder', 'b', '-o', 'b.h5', words=['1 files or folders were left out', '1.bmp'])


def npy(name, shape, data=b''):
    head = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}".encode()
    head += b' ' * (-(len(head) + 11) % 64) + b'\n'
    with open(name, 'wb') as f:
        f.write(b'\x93NUMPY\1\0' + struct.pack('<H', len(head)) + head + data)


for s in ('(4294967296, 4294967296)', '(1, 9223372036854775807, 3)', '(0, 8, 8)', '(-1, 8)', '(99999999999999999999, 2)'):
    npy('h.npy', s)
    run('convert', 'npy', 'h.npy', '-o', 'h.h5', code=6, words=['h.npy'])
for extents in ((2**32 - 1,) * 4, (2**31, 2**31, 4), (1, 2**20, 2**16), (2**16, 2**16, 2**16, 2**16)):
    with open('h.idx', 'wb') as f:
        f.write(bytes([0, 0, 8, len(extents)]) + struct.pack(f'>{len(extents)}I', *extents) + b'1')
    run('convert', 'idx', 'h.idx', '-o', 'h.h5', code=6, words=['h.idx'])
done()
