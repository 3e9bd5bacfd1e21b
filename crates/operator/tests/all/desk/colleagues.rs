//! Notes, who takes care, who opened and answered, who answers at this moment.
