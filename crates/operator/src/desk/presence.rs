//! Who answers at this moment. No act, no trace.
