"""riskwatch: real-time risk monitoring for consumer-instalment loans on Kafka, Faust and River."""

__version__ = "0.1.0"
