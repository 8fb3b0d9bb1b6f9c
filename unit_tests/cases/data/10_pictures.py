# convert: orientation of Exif data and TIFF, stacks of TIFF, other endings, masks whose names begin alike, stray bytes of
# JPEG, kinds of TIFF samples; headers that promise too much.
from common import *
import struct
import zlib
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

page = rng.integers(0, 255, (3, 8, 8), dtype='u1')
for c in 'ab':
    os.makedirs(f's/{c}')
    Image.fromarray(page[0]).save(f's/{c}/stack.tif', save_all=True, append_images=[Image.fromarray(p) for p in page[1:]])
run('convert', 'folder', 's', '-o', 's.h5', words=['classes', 'a, b'])
expect('pages are the depth of a sample', (read('s.h5', 'x')[..., 0] == page).all())
grey('s/b/flat.png', 1)
run('convert', 'folder', 's', '-o', 's.h5', code=6, words=['stack.tif', '3 (the pages', 'flat.png'])
for name in ('case1', 'case1_b', 'case2'):
    grey(f'p/i/{name}.png', len(name))
    grey(f'p/m/{name}_mask.png', len(name))
run('convert', 'masks', 'p/i', '--labels', 'p/m', '-o', 'p.h5')
expect('masks of names that begin alike', (read('p.h5', 'x')[..., 0] == read('p.h5', 'y')).all())
stored = rng.integers(0, 255, (16, 16, 3), dtype='u1')
Image.fromarray(stored).save('stray.jpg')
run('convert', 'masks', 'stray.jpg', '-o', 'clean.h5')
with open('stray.jpg', 'rb') as f:
    jpeg = f.read()
with open('stray.jpg', 'wb') as f:
    f.write(jpeg[:-2] + b'\1\2\3\4' * 4 + jpeg[-2:])
run('convert', 'masks', 'stray.jpg', '-o', 'stray.h5')
expect('stray bytes before the end of a JPEG file', (read('stray.h5', 'x') == read('clean.h5', 'x')).all())
with open('cut.jpg', 'wb') as f:
    f.write(jpeg[:len(jpeg) // 2] + jpeg[-2:])
run('convert', 'masks', 'cut.jpg', '-o', 'cut.h5', code=6, words=['cut.jpg'])


def tiff(name, values, bits, kind):
    """An uncompressed TIFF of one channel; kind: 1 unsigned, 2 signed, 3 float."""
    data = np.packbits(values, axis=1).tobytes() if bits == 1 else values.tobytes()
    entries = [(256, 4, values.shape[1]), (257, 4, values.shape[0]), (258, 3, bits), (259, 3, 1), (262, 3, 1), (273, 4, 8),
               (277, 3, 1), (278, 4, values.shape[0]), (279, 4, len(data)), (339, 3, kind)]
    with open(name, 'wb') as f:
        f.write(b'II*\0' + struct.pack('<I', 8 + len(data)) + data + struct.pack('<H', len(entries)))
        for tag, type_, value in entries:
            f.write(struct.pack('<HHII', tag, type_, 1, value))
        f.write(bytes(4))


for dtype, kind in (('i1', 2), ('i2', 2), ('i4', 2), ('u4', 1), ('f2', 3), ('f8', 3)):
    values = (np.arange(32 * 48).reshape(32, 48) % 120 - (20 if kind > 1 else 0)).astype(dtype)
    tiff('t.tif', values, 8 * values.itemsize, kind)
    run('convert', 'masks', 't.tif', '-o', 't.h5')
    expect(f'TIFF of {dtype}', read('t.h5', 'x').dtype == values.dtype and (read('t.h5', 'x')[0, ..., 0] == values).all())
bits = rng.integers(0, 2, (32, 45), dtype='u1')
tiff('bits.tif', bits, 1, 1)
run('convert', 'masks', 'bits.tif', '--labels', 'bits.tif', '-o', 't.h5')
expect('TIFF of 1 bit', (read('t.h5', 'x')[0, ..., 0] == 255 * bits).all() and (read('t.h5', 'y')[0] == bits).all())

# headers of a hundred bytes that promise gigabytes
tiff('h.tif', bits, 1, 1)
with open('h.tif', 'r+b') as f:
    f.seek(8 + np.packbits(bits, axis=1).size + 2 + 8)
    f.write(struct.pack('<I', 2**31 - 1))
run('convert', 'masks', 'h.tif', '-o', 'h.h5', code=6, words=['h.tif'])
Image.fromarray(np.zeros((8, 8), 'u1')).save('h.png')
with open('h.png', 'r+b') as f:
    f.seek(16)
    head = struct.pack('>IIBBBBB', 900000, 900000, 8, 0, 0, 0, 0)
    f.write(head + struct.pack('>I', zlib.crc32(b'IHDR' + head)))
run('convert', 'masks', 'h.png', '-o', 'h.h5', code=6, words=['h.png', 'can hold'])
with open('h.jpg', 'wb') as f:
    at = jpeg.index(b'\xff\xc0') + 5
    f.write(jpeg[:at] + struct.pack('>HH', 65500, 65500) + jpeg[at + 4:])
run('convert', 'masks', 'h.jpg', '-o', 'h.h5', code=6, words=['h.jpg', 'can hold'])

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
