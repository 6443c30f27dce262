"""Show the fleet inside the AWS console, as a custom widget of a CloudWatch dashboard.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/add_custom_widget_dashboard_about.html
"""
