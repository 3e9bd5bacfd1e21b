//! Lines, data and queued bytes over a real socket: limits, deadlines, cancellation.
mod common;
use common::{LONG, SECOND, pair};
use sceau_net::{Pace, ReadError};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

const SHORT: Duration = Duration::from_millis(100);

#[tokio::test]
async fn lines_come_as_written_and_bare_lf_is_visible() {
    let (mut server, mut client) = pair(LONG, Pace::default()).await;
    client.write_all(b"EHLO a\r\nNOOP\nQU").await.unwrap();
    assert_eq!(server.read_line(512).await.unwrap(), b"EHLO a\r\n");
    assert!(server.has_buffered());
    assert_eq!(server.read_line(512).await.unwrap(), b"NOOP\n");
    client.write_all(b"IT\r\nrest").await.unwrap();
    assert_eq!(server.read_line(512).await.unwrap(), b"QUIT\r\n");
    drop(client);
    assert!(matches!(server.read_line(512).await, Err(ReadError::Closed)));
    assert_eq!(server.read_some(10).await.unwrap(), b"rest", "what came before the end is not lost");
    assert_eq!(server.read_some(10).await.unwrap(), b"");
}

#[tokio::test]
async fn bytes_put_back_are_read_again_before_the_rest() {
    let (mut server, mut client) = pair(LONG, Pace::default()).await;
    client.write_all(b"content.QUIT\r\nmore").await.unwrap();
    assert_eq!(server.read_some(3).await.unwrap(), b"con");
    let taken = server.read_some(10).await.unwrap();
    server.unread(&taken[5..]);
    assert_eq!(server.read_line(100).await.unwrap(), b"QUIT\r\n");
    assert_eq!(server.read_some(10).await.unwrap(), b"more");
    server.unread(b"NOOP\r\n");
    assert!(server.has_buffered());
    assert_eq!(server.read_line(100).await.unwrap(), b"NOOP\r\n");
}

#[tokio::test]
async fn a_line_of_exactly_the_limit_passes_and_one_more_byte_does_not() {
    let (mut server, mut client) = pair(LONG, Pace::default()).await;
    client.write_all(b"12345678\r\n123456789\r\nnext\r\n").await.unwrap();
    assert_eq!(server.read_line(10).await.unwrap().len(), 10);
    assert!(matches!(server.read_line(10).await, Err(ReadError::TooLong)));
    server.skip_line(1000).await.unwrap();
    assert_eq!(server.read_line(10).await.unwrap(), b"next\r\n");
}

#[tokio::test]
async fn an_endless_line_is_bounded_and_the_session_may_go_on() {
    let (mut server, mut client) = pair(LONG, Pace::default()).await;
    let writer = tokio::spawn(async move {
        client.write_all(&vec![b'a'; 300_000]).await.unwrap();
        client.write_all(b"\r\nNOOP\r\n").await.unwrap();
        client
    });
    assert!(matches!(server.read_line(512).await, Err(ReadError::TooLong)));
    assert!(matches!(server.skip_line(100_000).await, Err(ReadError::TooLong)));
    server.skip_line(1_000_000).await.unwrap();
    assert_eq!(server.read_line(512).await.unwrap(), b"NOOP\r\n");
    writer.await.unwrap();
}

#[tokio::test]
async fn a_cancelled_read_loses_nothing() {
    let (mut server, mut client) = pair(LONG, Pace::default()).await;
    client.write_all(b"half").await.unwrap();
    assert!(timeout(SHORT, server.read_line(512)).await.is_err());
    client.write_all(b" line\r\n").await.unwrap();
    assert_eq!(server.read_line(512).await.unwrap(), b"half line\r\n");
}

#[tokio::test]
async fn silence_ends_at_the_idle_deadline() {
    let (mut server, _client) = pair(SHORT, Pace::default()).await;
    assert!(matches!(server.read_line(512).await, Err(ReadError::Timeout)));
    assert!(matches!(server.read_some(512).await, Err(ReadError::Timeout)));
}

#[tokio::test]
async fn a_line_that_drips_ends_though_each_byte_is_in_time() {
    let pace = Pace { line: SHORT * 2, ..Pace::default() };
    let (mut server, mut client) = pair(LONG, pace).await;
    let drip = tokio::spawn(async move {
        while client.write_all(b"a").await.is_ok() {
            tokio::time::sleep(SHORT / 4).await;
        }
    });
    // Cancelled and asked again, as sessions do around a drain token: the clock of the line runs on.
    let ended = loop {
        if let Ok(ended) = timeout(SHORT, server.read_line(512)).await {
            break ended;
        }
    };
    assert!(matches!(ended, Err(ReadError::Timeout)));
    drop(server);
    drip.abort();
}

#[tokio::test]
async fn data_that_drips_ends_and_data_that_flows_does_not() {
    let pace = Pace { rate: 1000, window: SHORT * 3, ..Pace::default() };
    let (mut server, mut client) = pair(LONG, pace).await;
    let drip = tokio::spawn(async move {
        while client.write_all(b"a").await.is_ok() {
            tokio::time::sleep(SHORT / 2).await;
        }
    });
    let ended = loop {
        match server.read_some(64).await {
            Ok(bytes) => assert!(!bytes.is_empty()),
            Err(e) => break e,
        }
    };
    assert!(matches!(ended, ReadError::Timeout));
    drip.abort();

    let (mut server, mut client) = pair(LONG, pace).await;
    let flow = tokio::spawn(async move {
        for _ in 0..20 {
            client.write_all(&[b'a'; 1000]).await.unwrap();
            tokio::time::sleep(SHORT / 4).await;
        }
    });
    let mut total = 0;
    while total < 20_000 {
        total += server.read_some(64 * 1024).await.unwrap().len();
    }
    flow.await.unwrap();
}

#[tokio::test]
async fn what_is_queued_is_sent_before_a_read_waits_and_in_one_piece() {
    let (mut server, mut client) = pair(LONG, Pace::default()).await;
    client.write_all(b"a\r\nb\r\n").await.unwrap();
    let talk = tokio::spawn(async move {
        for _ in 0..2 {
            let line = server.read_line(10).await.unwrap();
            server.write(&line).await.unwrap();
        }
        assert!(matches!(server.read_line(10).await, Err(ReadError::Closed)));
    });
    let mut both = [0; 6];
    client.read_exact(&mut both).await.unwrap();
    assert_eq!(&both, b"a\r\nb\r\n");
    drop(client);
    talk.await.unwrap();
}

#[tokio::test]
async fn a_peer_that_never_reads_is_given_up() {
    let pace = Pace { write: SHORT, rate: 1 << 30, ..Pace::default() };
    let (mut server, _client) = pair(LONG, pace).await;
    let block = vec![0; 1 << 20];
    let ended = timeout(LONG, async {
        loop {
            if let Err(e) = server.write(&block).await {
                return e;
            }
        }
    });
    assert!(matches!(ended.await.unwrap(), ReadError::Timeout));
}

#[tokio::test]
async fn the_last_line_arrives_though_the_peer_had_more_to_say() {
    let (mut server, mut client) = pair(LONG, Pace::default()).await;
    client.write_all(&vec![b'x'; 200_000]).await.unwrap();
    let _ = server.read_line(512).await;
    server.write(b"500 too long\r\n").await.unwrap();
    let closing = tokio::spawn(server.close());
    let mut answer = String::new();
    timeout(SECOND * 5, client.read_to_string(&mut answer)).await.unwrap().unwrap();
    assert_eq!(answer, "500 too long\r\n");
    closing.await.unwrap();
}
