//! Draws QR codes as PNG pictures: `qrcode` computes the squares, here they are scaled and get a margin. Pure.

use png::{BitDepth, ColorType, Encoder};
use qrcode::{Color, QrCode};

/// The required margin, in squares (ISO/IEC 18004).
const QUIET_ZONE: usize = 4;
/// The approximate width, in pixels: large enough to be scanned from a screen.
const WIDTH: usize = 400;
const DARK: u8 = 0;
const LIGHT: u8 = 255;

/// The text as a QR code, as PNG; `None` if it is too long for one.
pub fn png(text: &str) -> Option<Vec<u8>> {
    let code = QrCode::new(text).ok()?;
    let (squares, dark) = (code.width(), code.to_colors());
    let scale = (WIDTH / (squares + 2 * QUIET_ZONE)).max(1);
    let width = scale * (squares + 2 * QUIET_ZONE);
    let shade = |pixel: usize| {
        let square = |at: usize| {
            (at / scale)
                .checked_sub(QUIET_ZONE)
                .filter(|at| *at < squares)
        };
        let (row, column) = (square(pixel / width), square(pixel % width));
        match row
            .zip(column)
            .map(|(row, column)| dark[row * squares + column])
        {
            Some(Color::Dark) => DARK,
            Some(Color::Light) | None => LIGHT,
        }
    };
    let pixels: Vec<u8> = (0..width * width).map(shade).collect();
    encode_png(&pixels, u32::try_from(width).ok()?)
}

/// Encodes a square greyscale picture as PNG.
fn encode_png(pixels: &[u8], width: u32) -> Option<Vec<u8>> {
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, width, width);
    encoder.set_color(ColorType::Grayscale);
    encoder.set_depth(BitDepth::Eight);
    let mut writer = encoder.write_header().ok()?;
    writer.write_image_data(pixels).ok()?;
    writer.finish().ok()?;
    Some(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The shades of a picture, and its width.
    fn unpacked(file: &[u8]) -> (Vec<u8>, usize) {
        let mut reader = png::Decoder::new(std::io::Cursor::new(file))
            .read_info()
            .unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        assert_eq!(info.width, info.height);
        (pixels, info.width as usize)
    }

    #[test]
    fn a_picture_shows_the_squares_of_the_code_and_a_margin_of_four() {
        for text in [
            "",
            "otpauth://totp/unbind-bot:cards?secret=ABC",
            "门禁卡 👍",
            &"x".repeat(2331),
        ] {
            let (pixels, width) = unpacked(&png(text).unwrap());
            let code = QrCode::new(text).unwrap();
            let squares = code.width() + 8;
            assert!(
                (300..=400).contains(&width) && width % squares == 0,
                "{width}"
            );
            let scale = width / squares;
            for (pixel, shade) in pixels.iter().enumerate() {
                let (x, y) = (pixel % width / scale, pixel / width / scale);
                let inside = |at: usize| (4..squares - 4).contains(&at);
                let dark = inside(x) && inside(y) && code[(x - 4, y - 4)] == Color::Dark;
                assert_eq!(*shade, if dark { 0 } else { 255 }, "{x} {y}");
            }
        }
    }

    #[test]
    fn a_text_too_long_for_a_code_gives_no_picture() {
        assert_eq!(png(&"x".repeat(2332)), None);
    }
}
