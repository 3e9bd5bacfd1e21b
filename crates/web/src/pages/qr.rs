//! Pictures that a telephone reads (QR codes), drawn here as SVG within the page: no other program sees what is in them.
use super::layout::escape;
use qrcodegen::{QrCode, QrCodeEcc};
use std::fmt::Write as _;
use zeroize::Zeroizing;

/// Light modules around the picture that readers need (ISO/IEC 18004 §6.3.8).
const QUIET: i32 = 4;

/// A text as a picture; `label` is what a screen reader says of it. None: too long for one.
///
/// The colours are dark on white whatever the page's are: many readers do not take a light picture on a dark page.
pub(super) fn svg(text: &str, label: &str) -> Option<Zeroizing<String>> {
    let code = QrCode::encode_text(text, QrCodeEcc::Medium).ok()?;
    let (size, whole) = (code.size(), code.size() + 2 * QUIET);
    // One buffer of enough room, wiped: what it shows is a secret.
    let mut out = Zeroizing::new(String::with_capacity(size as usize * size as usize * 8 + 512));
    let _ = write!(
        out,
        "<svg class=\"qr\" viewBox=\"0 0 {whole} {whole}\" role=\"img\" aria-label=\"{}\" shape-rendering=\"crispEdges\">\
         <path fill=\"#fff\" d=\"M0 0h{whole}v{whole}H0z\"/><path fill=\"#000\" d=\"",
        escape(label)
    );
    for y in 0..size {
        let mut x = 0;
        while x < size {
            let dark = (x..size).take_while(|x| code.get_module(*x, y)).count() as i32;
            if dark > 0 {
                let _ = write!(out, "M{} {}h{dark}v1h-{dark}z", x + QUIET, y + QUIET);
            }
            x += dark.max(1);
        }
    }
    out.push_str("\"/></svg>");
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The picture is read back from its path, module by module, and must be the code's.
    #[test]
    fn every_module_is_drawn_where_it_is() {
        let text =
            "otpauth://totp/Sceau%20Alpes:marie.martin?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Sceau%20Alpes";
        let picture = svg(text, "<à lire>").expect("short enough");
        assert!(picture.contains("aria-label=\"&lt;à lire&gt;\""));
        let code = QrCode::encode_text(text, QrCodeEcc::Medium).expect("short enough");
        let path = picture.rsplit("d=\"").next().and_then(|p| p.split('"').next()).expect("a path");
        let mut dark = std::collections::BTreeSet::new();
        for piece in path.split('M').skip(1) {
            let (x, rest) = piece.split_once(' ').expect("x and y");
            let (y, rest) = rest.split_once('h').expect("a run");
            let run = rest.split('v').next().expect("its length");
            let [x, y, run] = [x, y, run].map(|n| n.parse::<i32>().expect("a number"));
            dark.extend((x..x + run).map(|x| (x - QUIET, y - QUIET)));
        }
        let size = code.size();
        let all = (0..size).flat_map(|y| (0..size).map(move |x| (x, y)));
        let wanted: std::collections::BTreeSet<_> = all.filter(|(x, y)| code.get_module(*x, *y)).collect();
        assert_eq!(dark, wanted);
        assert!(svg(&"x".repeat(3000), "").is_none());
    }
}
