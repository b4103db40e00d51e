"""What ran: records of requests as routers report them, and finding one's way in them."""
