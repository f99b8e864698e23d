//! Messages and lines: RFC 9112, sections 2 and 3.

use crate::case::cases;
use crate::want;

cases! {
    /// The neighbour of all that follows: this is accepted.
    must plain_get_is_answered ["R-060", "A2-1"] |play| {
        let mut client = play.connect()?;
        client.get("/ok")?.answered(200)?.content("ok")?;
        client.alive()
    }
    /// HTTP/1.1 without Host could be meant for anybody.
    must host_missing_is_refused ["R-012"] |play| {
        play.connect()?.send("GET /ok HTTP/1.1\r\n\r\n")?.refused(400)
    }
    /// Pipelined requests are answered in their order, none is lost, and the last one closes.
    must pipelined_requests_are_answered_in_order ["R-093", "R-091", "A0-10"] |play| {
        let mut client = play.connect()?;
        client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nres1\
            POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 4\r\n\r\nres2")?;
        client.answered(200)?.content("res1")?;
        client.answer()?.status(200)?.says_close()?.content("res2")?;
        client.closed()
    }
    /// What a client sends after its last request is not answered. It may meet a reset: it was to send nothing.
    must requests_after_close_are_not_answered ["R-091"] |play| {
        let mut client = play.connect()?;
        client.send("POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 4\r\n\r\nlast\
            GET /ok HTTP/1.1\r\nHost: a\r\n\r\n")?;
        let all = client.everything()?;
        let answers = all.windows(9).filter(|window| window == b"HTTP/1.1 ").count();
        want!(answers <= 1, "there are {answers} answers");
        Ok(())
    }
}
