//! Addresses that are typed, judged without a trace: may this BAL write there?
